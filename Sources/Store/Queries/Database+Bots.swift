import FleetModel

/// A bot as stored. The token is read apart, with ``Database/token(of:vault:)``.
public struct BotRecord: Sendable, Equatable {
    public let spec: BotSpec
    public let telegramID: Int64?
    public let username: String?
    public let hasToken: Bool
    /// Set from before Telegram is told of a webhook until after it was told to forget it.
    public let webhook: WebhookRecord?
    public let createdAt: Timestamp
}

extension Database {
    /// - Throws: `.conflict` when there is a bot of this id.
    public func addBot(_ spec: BotSpec, token: Secret?, vault: TokenVault) async throws(StoreError) {
        let labels = try JSON.text(spec.labels)
        var sealed: [UInt8]?
        if let token { sealed = try vault.seal(token, for: spec.id) }
        let statement = Statement(
            "bot.add",
            """
            WITH added AS (
                INSERT INTO bot (id, behaviour, labels, desired, lanes, queue, api_url, token_sealed, intake,
                    workers)
                VALUES ($1, $2, $3::jsonb, $4, $5, $6, $7, $8, $9, $10) RETURNING id, lanes
            )
            INSERT INTO lane_layout (bot_id, epoch, lanes, state) SELECT id, 0, lanes, 'open' FROM added
            """
        ) {
            $0.add(spec.id)
            $0.add(spec.behaviour)
            $0.add(labels)
            $0.add(spec.desired.rawValue)
            $0.add(Int32(clamping: spec.lanes))
            $0.add(spec.queue.rawValue)
            $0.add(spec.apiURL)
            $0.add(sealed)
            $0.add(spec.intake.rawValue)
            $0.add(Int32(clamping: spec.workers))
        }
        do {
            _ = try await query(statement)
        } catch  where error.code == .constraint("bot_pkey") {
            throw StoreError(.conflict, "there is a bot \(spec.id) already")
        }
    }

    /// All bots, by id.
    public func bots() async throws(StoreError) -> [BotRecord] {
        let statement = Statement("bot.list", "\(Self.botColumns) ORDER BY id")
        return try await records(statement)
    }

    public func bots(among ids: [BotID]) async throws(StoreError) -> [BotRecord] {
        let statement = Statement("bot.some", "\(Self.botColumns) WHERE id = ANY ($1::text[]) ORDER BY id") {
            $0.add(ids)
        }
        return try await records(statement)
    }

    public func bot(_ id: BotID) async throws(StoreError) -> BotRecord? {
        try await records(Statement("bot.get", "\(Self.botColumns) WHERE id = $1") { $0.add(id) }).first
    }

    /// - Throws: `.notFound` when there is no such bot or it has no token; `.vault` when the key is another one.
    public func token(of id: BotID, vault: TokenVault) async throws(StoreError) -> Secret {
        let statement = Statement("bot.token", "SELECT token_sealed FROM bot WHERE id = $1") { $0.add(id) }
        guard let row = try await query(statement, idempotent: true).first else { throw Self.noBot(id) }
        guard let sealed = row.bytes(0) else { throw StoreError(.notFound, "bot \(id) has no token") }
        return try vault.open(sealed, for: id)
    }

    /// - Throws: `.notFound`
    public func setToken(_ token: Secret, of id: BotID, vault: TokenVault) async throws(StoreError) {
        let sealed = try vault.seal(token, for: id)
        try await change(id, "bot.set_token", "UPDATE bot SET token_sealed = $2 WHERE id = $1") { $0.add(sealed) }
    }

    /// - Throws: `.notFound`
    public func setDesired(_ desired: BotSpec.DesiredState, of id: BotID) async throws(StoreError) {
        try await change(id, "bot.set_desired", "UPDATE bot SET desired = $2 WHERE id = $1") {
            $0.add(desired.rawValue)
        }
    }

    /// Changes what is given and leaves the rest.
    /// - Throws: `.notFound`
    public func changeBot(_ id: BotID, _ wanted: BotChange) async throws(StoreError) {
        let sql = """
            UPDATE bot SET lanes = coalesce($2, lanes), workers = coalesce($3, workers), intake = coalesce($4, intake)
            WHERE id = $1
            """
        try await change(id, "bot.change", sql) {
            $0.add(wanted.lanes.map { Int32(clamping: $0) })
            $0.add(wanted.workers.map { Int32(clamping: $0) })
            $0.add(wanted.intake?.rawValue)
        }
    }

    /// What `getMe` answered.
    /// - Throws: `.notFound`
    public func setTelegramIdentity(of id: BotID, telegramID: Int64, username: String?) async throws(StoreError) {
        try await change(id, "bot.set_identity", "UPDATE bot SET telegram_id = $2, username = $3 WHERE id = $1") {
            $0.add(telegramID)
            $0.add(username)
        }
    }

    /// Removes the bot and everything the database knows of it, in one transaction. Its config stays in the history.
    /// Stop its workers first: what they settle later is refused, because the lane is gone.
    /// - Throws: `.notFound`
    public func removeBot(_ id: BotID) async throws(StoreError) {
        let lanes = "(SELECT id FROM lane WHERE bot_id = $1)"
        // The lanes' rows first: they wait for settlements under way, and none can start once they are gone.
        let deletions = [
            // The bot's row before all, as the coordinator's assignments lock it: or the two would wait for each other.
            ("lock_bot", "SELECT id FROM bot WHERE id = $1 FOR UPDATE"),
            ("lock", "SELECT id FROM lane WHERE bot_id = $1 FOR UPDATE"),
            ("outbox", "DELETE FROM outbox WHERE lane_id IN \(lanes)"),
            ("waiting", "DELETE FROM waiting WHERE lane_id IN \(lanes)"),
            ("lane", "DELETE FROM lane WHERE bot_id = $1"),
            ("inbox", "DELETE FROM inbox WHERE bot_id = $1"),
            ("session", "DELETE FROM session WHERE bot_id = $1"),
            ("chat_block", "DELETE FROM chat_block WHERE bot_id = $1"),
            ("event", "DELETE FROM event WHERE bot_id = $1"),
            ("dead_letter", "DELETE FROM dead_letter WHERE bot_id = $1"),
            ("config", "DELETE FROM config_value WHERE scope = 'bot:' || $1"),
            ("bot", "DELETE FROM bot WHERE id = $1"),
        ]
        let results = try await pipeline(
            deletions.map { name, sql in Statement("bot.remove.\(name)", sql) { $0.add(id) } }
        )
        if results.last?.affected != 1 { throw Self.noBot(id) }
    }

    private static let botColumns = """
        SELECT id, behaviour, labels::text, desired, lanes, queue, api_url, telegram_id, username,
            token_sealed IS NOT NULL, created_at, intake, workers, webhook_path, webhook_secret_sealed FROM bot
        """

    static func noBot(_ id: BotID) -> StoreError { StoreError(.notFound, "there is no bot \(id)") }

    private func change(
        _ id: BotID,
        _ name: String,
        _ sql: String,
        _ values: (inout Parameters) -> Void
    ) async throws(StoreError) {
        var parameters = Parameters()
        parameters.add(id)
        values(&parameters)
        let result = try await pipeline([Statement(name, sql, parameters)], idempotent: true)
        if result.first?.affected != 1 { throw Self.noBot(id) }
    }

    private func records(_ statement: Statement) async throws(StoreError) -> [BotRecord] {
        var records: [BotRecord] = []
        for row in try await query(statement, idempotent: true) { records.append(try BotRecord(row)) }
        return records
    }
}

extension BotRecord {
    fileprivate init(_ row: QueryResult.Row) throws(StoreError) {
        guard let id = row.text(0).flatMap({ BotID($0) }), let behaviour = row.text(1),
            let desired = row.text(3).flatMap({ BotSpec.DesiredState(rawValue: $0) }), let lanes = row.int(4),
            let queue = row.text(5).flatMap({ QueueKind(rawValue: $0) }), let createdAt = row.timestamp(10),
            let intake = row.text(11).flatMap({ IntakeMode(rawValue: $0) }), let workers = row.int(12)
        else {
            throw StoreError(.migration, "a row of table bot cannot be read; is the database newer than this binary?")
        }
        spec = BotSpec(
            id: id,
            behaviour: behaviour,
            labels: try JSON.value([String: String].self, row.text(2)),
            desired: desired,
            lanes: lanes,
            workers: workers,
            queue: queue,
            intake: intake,
            apiURL: row.text(6)
        )
        telegramID = row.int64(7)
        username = row.text(8)
        hasToken = row.bool(9) ?? false
        webhook = WebhookRecord(path: row.text(13), sealedSecret: row.bytes(14))
        self.createdAt = createdAt
    }
}
