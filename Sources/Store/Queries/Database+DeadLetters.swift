import FleetModel

/// A dead letter as stored.
public struct DeadLetter: Sendable, Equatable {
    public let number: Int64
    public let bot: BotID
    /// `nil` when the body could not be read that far.
    public let updateID: Int64?
    public let reason: String
    public let attempts: Int
    public let at: Timestamp
    public let replayedAt: Timestamp?
    /// Bytes of the body.
    public let size: Int
    /// Only when one letter is asked for.
    public let body: [UInt8]?
}

extension Database {
    /// Newest first, without bodies.
    public func deadLetters(
        of bot: BotID? = nil,
        limit: Int = 100,
        onlyUnreplayed: Bool = false
    ) async throws(StoreError) -> [DeadLetter] {
        let statement = Statement(
            "dead_letter.list",
            """
            SELECT number, bot_id, update_id, reason, attempts, at, replayed_at, octet_length(body), NULL::bytea
            FROM dead_letter WHERE ($1::text IS NULL OR bot_id = $1) AND NOT ($2 AND replayed_at IS NOT NULL)
            ORDER BY number DESC LIMIT $3
            """
        ) {
            $0.add(bot)
            $0.add(onlyUnreplayed)
            $0.add(Int64(limit))
        }
        return try await query(statement, idempotent: true).compactMap { DeadLetter($0) }
    }

    /// One, with its body.
    public func deadLetter(_ number: Int64) async throws(StoreError) -> DeadLetter? {
        let statement = Statement(
            "dead_letter.get",
            """
            SELECT number, bot_id, update_id, reason, attempts, at, replayed_at, octet_length(body), body
            FROM dead_letter WHERE number = $1
            """
        ) { $0.add(number) }
        return try await query(statement, idempotent: true).first.flatMap { DeadLetter($0) }
    }

    /// Notes that they were put back into their queue.
    public func markReplayed(_ numbers: [Int64]) async throws(StoreError) {
        if numbers.isEmpty { return }
        let statement = Statement(
            "dead_letter.replayed",
            "UPDATE dead_letter SET replayed_at = now() WHERE number = ANY ($1::bigint[])"
        ) { $0.add(numbers) }
        _ = try await pipeline([statement], idempotent: true)
    }

    /// Letters not replayed yet, by bot; bots without any are not in it.
    public func deadLetterCounts() async throws(StoreError) -> [BotID: Int64] {
        let statement = Statement(
            "dead_letter.counts",
            "SELECT bot_id, count(*) FROM dead_letter WHERE replayed_at IS NULL GROUP BY bot_id"
        )
        var counts: [BotID: Int64] = [:]
        for row in try await query(statement, idempotent: true) {
            if let id = row.text(0).flatMap({ BotID($0) }) { counts[id] = row.int64(1) }
        }
        return counts
    }
}

extension DeadLetter {
    fileprivate init?(_ row: QueryResult.Row) {
        guard let number = row.int64(0), let bot = row.text(1).flatMap({ BotID($0) }), let reason = row.text(3),
            let attempts = row.int(4), let at = row.timestamp(5), let size = row.int(7)
        else { return nil }
        self.init(
            number: number,
            bot: bot,
            updateID: row.int64(2),
            reason: reason,
            attempts: attempts,
            at: at,
            replayedAt: row.timestamp(6),
            size: size,
            body: row.bytes(8)
        )
    }
}
