import FleetModel

extension Database {
    /// Which of these updates were settled before, and how.
    public func settledUpdates(
        bot: BotID,
        among updates: [Int64]
    ) async throws(StoreError) -> [Int64: InboxOutcome] {
        if updates.isEmpty { return [:] }
        return Self.outcomes(in: try await query(Self.settled(bot, updates), idempotent: true))
    }

    /// The highest id among the bot's settled updates that were not pruned yet.
    public func lastSettledUpdate(of bot: BotID) async throws(StoreError) -> Int64? {
        let statement = Statement("inbox.last", "SELECT max(update_id) FROM inbox WHERE bot_id = $1") { $0.add(bot) }
        return try await query(statement, idempotent: true).first?.int64(0)
    }

    /// The committed states of these conversations; those without a session are not in it.
    public func sessions(bot: BotID, conversations: [Int64]) async throws(StoreError) -> [Int64: [UInt8]] {
        if conversations.isEmpty { return [:] }
        return Self.states(in: try await query(Self.states(bot, conversations), idempotent: true))
    }

    /// ``settledUpdates(bot:among:)`` and ``sessions(bot:conversations:)`` in one round trip, and which of the
    /// conversations are blocked (``Settlement/block(conversation:reason:)``).
    public func recall(
        bot: BotID,
        updates: [Int64],
        conversations: [Int64]
    ) async throws(StoreError) -> (settled: [Int64: InboxOutcome], sessions: [Int64: [UInt8]], blocked: Set<Int64>) {
        var statements: [Statement] = []
        if !updates.isEmpty { statements.append(Self.settled(bot, updates)) }
        if !conversations.isEmpty { statements.append(Self.chats(bot, conversations)) }
        if statements.isEmpty { return ([:], [:], []) }
        let results = try await pipeline(statements, idempotent: true)
        let settled = updates.isEmpty ? [:] : Self.outcomes(in: results[0])
        guard !conversations.isEmpty, let chats = results.last else { return (settled, [:], []) }
        return (settled, Self.states(in: chats), Self.blocked(in: chats))
    }

    /// Deletes inbox rows settled longer ago than `age`, which is never taken as less than 48 h: Telegram redelivers
    /// for 24 h. Each slice is a transaction of its own.
    /// - Returns: rows deleted.
    public func pruneInbox(olderThan age: Duration, slice: Int = 5_000) async throws(StoreError) -> Int {
        let seconds = max(age, .seconds(48 * 3600)).components.seconds
        let statement = Statement(
            "inbox.prune",
            """
            DELETE FROM inbox WHERE ctid = ANY (ARRAY(
                SELECT ctid FROM inbox WHERE settled_at < now() - make_interval(secs => $1::bigint) LIMIT $2))
            """
        ) {
            $0.add(seconds)
            $0.add(Int64(slice))
        }
        var total = 0
        while !Task.isCancelled {
            let deleted = try await query(statement).affected
            total += deleted
            if deleted < slice { break }
        }
        return total
    }

    static func settled(_ bot: BotID, _ updates: [Int64]) -> Statement {
        Statement(
            "inbox.settled",
            "SELECT update_id, outcome FROM inbox WHERE bot_id = $1 AND update_id = ANY ($2::bigint[])"
        ) {
            $0.add(bot)
            $0.add(updates)
        }
    }

    static func states(_ bot: BotID, _ conversations: [Int64]) -> Statement {
        Statement(
            "session.states",
            "SELECT conversation, state FROM session WHERE bot_id = $1 AND conversation = ANY ($2::bigint[])"
        ) {
            $0.add(bot)
            $0.add(conversations)
        }
    }

    /// Sessions, and of each blocked chat a row without a state.
    static func chats(_ bot: BotID, _ conversations: [Int64]) -> Statement {
        Statement(
            "session.chats",
            """
            SELECT conversation, state FROM session WHERE bot_id = $1 AND conversation = ANY ($2::bigint[])
            UNION ALL
            SELECT conversation, NULL FROM chat_block WHERE bot_id = $1 AND conversation = ANY ($2::bigint[])
            """
        ) {
            $0.add(bot)
            $0.add(conversations)
        }
    }

    static func blocked(in chats: QueryResult) -> Set<Int64> {
        Set(chats.filter { $0.isNull(1) }.compactMap { $0.int64(0) })
    }

    static func outcomes(in result: QueryResult) -> [Int64: InboxOutcome] {
        var out: [Int64: InboxOutcome] = [:]
        out.reserveCapacity(result.count)
        for row in result {
            guard let id = row.int64(0), let raw = row.int64(1) else { continue }
            out[id] = InboxOutcome(rawValue: Int16(truncatingIfNeeded: raw))
        }
        return out
    }

    static func states(in result: QueryResult) -> [Int64: [UInt8]] {
        var out: [Int64: [UInt8]] = [:]
        out.reserveCapacity(result.count)
        for row in result {
            if let conversation = row.int64(0), let state = row.bytes(1) { out[conversation] = state }
        }
        return out
    }
}
