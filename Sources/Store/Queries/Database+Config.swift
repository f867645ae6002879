import FleetModel

/// A change of the config that is not numbered yet.
public struct ConfigChange: Sendable, Equatable {
    public var scope: ConfigScope
    public var set: [String: ConfigValue]
    public var unset: [String]

    public init(scope: ConfigScope, set: [String: ConfigValue], unset: [String] = []) {
        self.scope = scope
        self.set = set
        self.unset = unset
    }
}

extension Database {
    /// All values of all scopes, or of `scopes` alone, at the newest generation.
    public func configState(scopes: [ConfigScope]? = nil) async throws(StoreError) -> ConfigState {
        // One statement, hence one snapshot: values never belong to another generation than the number says.
        let statement = Statement(
            "config.state",
            """
            SELECT latest.number, latest.hash, v.scope, v.key, v.value::text
            FROM (SELECT number, hash FROM config_generation ORDER BY number DESC LIMIT 1) AS latest
            LEFT JOIN config_value AS v ON $1 OR v.scope = ANY ($2::text[])
            """
        ) {
            $0.add(scopes == nil)
            $0.add((scopes ?? []).map { "\($0)" })
        }
        var state = ConfigState()
        for row in try await query(statement, idempotent: true) {
            state.generation = row.int64(0) ?? 0
            state.hash = row.text(1) ?? ""
            guard let scope = row.text(2).flatMap({ ConfigScope($0) }), let key = row.text(3) else { continue }
            state.values[scope, default: [:]][key] = try JSON.value(ConfigValue.self, row.text(4))
        }
        return state
    }

    /// Commits a change as the next generation. Validate it before (``ConfigSchema``).
    /// - Parameter expected: the generation the author saw; `nil`: whichever is newest.
    /// - Throws: `.conflict` when `expected` is not the newest any more.
    public func commitConfig(
        _ change: ConfigChange,
        author: String,
        reason: String?,
        expected: Int64? = nil
    ) async throws(StoreError) -> ConfigGeneration {
        for _ in 0..<Self.commitAttempts {
            let latest = try await query(Self.latestGeneration, idempotent: true).first
            let number = latest?.int64(0) ?? 0
            if let expected, expected != number {
                throw StoreError(.conflict, "the config is at generation \(number), not \(expected); look at it again")
            }
            let generation = ConfigGeneration(
                number: number + 1,
                scope: change.scope,
                set: change.set,
                unset: change.unset,
                hash: ConfigHash.next(after: latest?.text(1) ?? "", change)
            )
            do {
                _ = try await pipeline(try Self.commit(generation, author: author, reason: reason))
                return generation
            } catch  where error.code == .constraint("config_generation_pkey") {
                continue  // somebody was faster: number and hash build on theirs
            }
        }
        throw StoreError(.conflict, "others keep changing the config; try again")
    }

    /// Newest first, with who made them and why.
    public func configHistory(limit: Int = 50) async throws(StoreError) -> [GenerationView] {
        let statement = Statement(
            "config.history",
            """
            SELECT number, scope, assigned::text, removed, hash, author, reason, created_at
            FROM config_generation ORDER BY number DESC LIMIT $1
            """
        ) { $0.add(Int64(limit)) }
        var history: [GenerationView] = []
        for row in try await query(statement, idempotent: true) {
            guard let number = row.int64(0), let scope = row.text(1).flatMap({ ConfigScope($0) }),
                let hash = row.text(4), let author = row.text(5), let createdAt = row.timestamp(7)
            else { throw StoreError(.migration, "a config generation cannot be read") }
            let generation = ConfigGeneration(
                number: number,
                scope: scope,
                set: try JSON.value([String: ConfigValue].self, row.text(2)),
                unset: row.texts(3) ?? [],
                hash: hash
            )
            history.append(
                GenerationView(generation: generation, author: author, reason: row.text(6), createdAt: createdAt)
            )
        }
        return history
    }

    private static let commitAttempts = 20
    private static let latestGeneration = Statement(
        "config.latest",
        "SELECT number, hash FROM config_generation ORDER BY number DESC LIMIT 1"
    )

    private static func commit(
        _ generation: ConfigGeneration,
        author: String,
        reason: String?
    ) throws(StoreError) -> [Statement] {
        let scope = "\(generation.scope)"
        let assigned = ConfigValue.object(generation.set).description
        let keys = generation.set.keys.sorted()
        let insert = Statement(
            "config.commit",
            """
            INSERT INTO config_generation (number, scope, assigned, removed, hash, author, reason)
            VALUES ($1, $2, $3::jsonb, $4, $5, $6, $7)
            """
        ) {
            $0.add(generation.number)
            $0.add(scope)
            $0.add(assigned)
            $0.add(generation.unset)
            $0.add(generation.hash)
            $0.add(author)
            $0.add(reason)
        }
        // Unset before set, as ConfigState.apply does it.
        let unset = Statement(
            "config.unset",
            "DELETE FROM config_value WHERE scope = $1 AND key = ANY ($2::text[])"
        ) {
            $0.add(scope)
            $0.add(generation.unset)
        }
        let set = Statement(
            "config.set",
            """
            INSERT INTO config_value (scope, key, value, generation)
            SELECT $1, k, v::jsonb, $4 FROM unnest($2::text[], $3::text[]) AS assigned (k, v)
            ON CONFLICT (scope, key) DO UPDATE SET value = excluded.value, generation = excluded.generation
            """
        ) {
            $0.add(scope)
            $0.add(keys)
            $0.add(keys.map { generation.set[$0]?.description ?? "null" })
            $0.add(generation.number)
        }
        return [insert, unset, set]
    }
}
