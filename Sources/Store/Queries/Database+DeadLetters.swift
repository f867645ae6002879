import FleetModel

/// A dead letter as stored.
public struct DeadLetter: Sendable, Equatable {
    public let number: Int64
    public let bot: BotID
    /// `nil` when the body could not be read that far.
    public let updateID: Int64?
    public let kind: DeadLetterKind
    public let reason: String
    public let attempts: Int
    /// When it was first tried, where that was noted; asked for alone, also when the same update was first given up.
    public let firstAt: Timestamp?
    public let at: Timestamp
    public let replayedAt: Timestamp?
    /// Bytes of the body.
    public let size: Int
    /// Only when one letter is asked for.
    public let body: [UInt8]?
}

extension Database {
    /// Newest first, without bodies.
    /// - Parameter before: only lower numbers, for the next page.
    public func deadLetters(
        _ filter: DeadLetterFilter = DeadLetterFilter(),
        before: Int64? = nil,
        limit: Int = 100
    ) async throws(StoreError) -> [DeadLetter] {
        let statement = Statement(
            "dead_letter.list",
            """
            SELECT \(DeadLetter.columns), first_at, NULL::bytea FROM dead_letter
            WHERE \(DeadLetterFilter.condition) AND ($8::bigint IS NULL OR number < $8)
            ORDER BY number DESC LIMIT $9
            """
        ) {
            filter.add(to: &$0)
            $0.add(before)
            $0.add(Int64(limit))
        }
        return try await query(statement, idempotent: true).compactMap { DeadLetter($0) }
    }

    /// In the order of their numbers, without bodies: those above `after`, up to `last`.
    public func deadLetters(
        _ filter: DeadLetterFilter,
        after: Int64,
        upTo last: Int64,
        limit: Int
    ) async throws(StoreError) -> [DeadLetter] {
        let statement = Statement(
            "dead_letter.page",
            """
            SELECT \(DeadLetter.columns), first_at, NULL::bytea FROM dead_letter
            WHERE \(DeadLetterFilter.condition) AND number > $8 AND number <= $9
            ORDER BY number LIMIT $10
            """
        ) {
            filter.add(to: &$0)
            $0.add(after)
            $0.add(last)
            $0.add(Int64(limit))
        }
        return try await query(statement, idempotent: true).compactMap { DeadLetter($0) }
    }

    /// One, with its body.
    public func deadLetter(_ number: Int64) async throws(StoreError) -> DeadLetter? {
        let statement = Statement(
            "dead_letter.get",
            """
            SELECT \(DeadLetter.columns),
                (SELECT min(coalesce(same.first_at, same.at)) FROM dead_letter AS same
                 WHERE same.bot_id = letter.bot_id
                   AND (same.number = letter.number OR same.update_id = letter.update_id)),
                body
            FROM dead_letter AS letter WHERE number = $1
            """
        ) { $0.add(number) }
        return try await query(statement, idempotent: true).first.flatMap { DeadLetter($0) }
    }

    public func countDeadLetters(_ filter: DeadLetterFilter) async throws(StoreError) -> DeadLetterCount {
        let statement = Statement(
            "dead_letter.count",
            """
            SELECT count(*), count(*) FILTER (WHERE replayed_at IS NULL), max(number) FROM dead_letter
            WHERE \(DeadLetterFilter.condition)
            """
        ) { filter.add(to: &$0) }
        let row = try await query(statement, idempotent: true).first
        return DeadLetterCount(
            total: row?.int64(0) ?? 0, unreplayed: row?.int64(1) ?? 0, last: row?.int64(2) ?? 0)
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

    /// Deletes those that the filter means now, a slice a transaction.
    /// - Returns: how many were deleted.
    public func purgeDeadLetters(_ filter: DeadLetterFilter, slice: Int = 2000) async throws(StoreError) -> Int64 {
        let last = try await countDeadLetters(filter).last
        let statement = Statement(
            "dead_letter.purge",
            """
            DELETE FROM dead_letter WHERE number IN (
                SELECT number FROM dead_letter WHERE \(DeadLetterFilter.condition) AND number <= $8
                ORDER BY number LIMIT $9)
            """
        ) {
            filter.add(to: &$0)
            $0.add(last)
            $0.add(Int64(slice))
        }
        var total: Int64 = 0
        while !Task.isCancelled {
            let deleted = try await query(statement).affected
            total += Int64(deleted)
            if deleted < slice { break }
        }
        return total
    }

    /// Keeps what the broker gave up, and notes its update as dead, so that a copy that comes later has no effect. What
    /// took effect already, or is kept already, leaves nothing: it may be told again after a crash.
    /// - Returns: whether there is a letter more.
    public func keepDeadLetter(_ letter: DeadLetterRow, of bot: BotID) async throws(StoreError) -> Bool {
        var statements: [Statement] = []
        if let update = letter.updateID {
            statements.append(
                Statement(
                    "dead_letter.bury",
                    """
                    INSERT INTO inbox (bot_id, update_id, outcome)
                    SELECT id, $2, \(InboxOutcome.dead.rawValue) FROM bot WHERE id = $1 ON CONFLICT DO NOTHING
                    """
                ) {
                    $0.add(bot)
                    $0.add(update)
                })
        }
        statements.append(
            Statement(
                "dead_letter.keep",
                """
                INSERT INTO dead_letter (bot_id, update_id, body, reason, attempts, kind, first_at)
                SELECT id, $2, $3, $4, $5, $6, $7 FROM bot WHERE id = $1
                    AND NOT EXISTS (SELECT FROM inbox
                        WHERE bot_id = $1 AND update_id = $2 AND outcome <> \(InboxOutcome.dead.rawValue))
                    AND NOT EXISTS (SELECT FROM dead_letter
                        WHERE bot_id = $1 AND replayed_at IS NULL AND kind = $6 AND body = $3)
                """
            ) {
                $0.add(bot)
                $0.add(letter.updateID)
                $0.add(letter.body)
                $0.add(letter.reason)
                $0.add(letter.attempts)
                $0.add(letter.kind.rawValue)
                $0.add(letter.firstAt)
            })
        return try await pipeline(statements, idempotent: true).last?.affected == 1
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

extension DeadLetterFilter {
    /// Of the parameters 1 to 7, which ``add(to:)`` fills.
    fileprivate static let condition = """
        ($1::bigint[] IS NULL OR number = ANY ($1)) AND ($2::text IS NULL OR bot_id = $2)
        AND ($3::text IS NULL OR kind = $3)
        AND ($4::text IS NULL OR position(lower($4) IN lower(reason)) > 0)
        AND ($5::timestamptz IS NULL OR at >= $5) AND ($6::timestamptz IS NULL OR at < $6)
        AND ($7::boolean IS NULL OR (replayed_at IS NOT NULL) = $7)
        """

    fileprivate func add(to parameters: inout Parameters) {
        parameters.add(numbers)
        parameters.add(bot)
        parameters.add(kind?.rawValue)
        parameters.add(reason)
        parameters.add(since)
        parameters.add(until)
        parameters.add(replayed)
    }
}

extension DeadLetter {
    fileprivate static let columns = """
        number, bot_id, update_id, kind, reason, attempts, at, replayed_at, octet_length(body)
        """

    fileprivate init?(_ row: QueryResult.Row) {
        guard let number = row.int64(0), let bot = row.text(1).flatMap({ BotID($0) }), let reason = row.text(4),
            let attempts = row.int(5), let at = row.timestamp(6), let size = row.int(8)
        else { return nil }
        self.init(
            number: number,
            bot: bot,
            updateID: row.int64(2),
            // A later version may know more kinds.
            kind: row.text(3).flatMap { DeadLetterKind(rawValue: $0) } ?? .handler,
            reason: reason,
            attempts: attempts,
            firstAt: row.timestamp(9),
            at: at,
            replayedAt: row.timestamp(7),
            size: size,
            body: row.bytes(10)
        )
    }
}
