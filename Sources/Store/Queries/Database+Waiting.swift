import FleetModel

/// Updates that wait one behind another: those of a parked chat, or one failed update that holds up nobody.
public struct WaitingLine: Hashable, Sendable {
    public let conversation: Int64
    /// The `seq` of an update that waits alone.
    public let alone: Int64?

    public init(conversation: Int64, alone: Int64? = nil) {
        self.conversation = conversation
        self.alone = alone
    }
}

/// What a lane's owner keeps of a line in memory.
public struct WaitingHead: Sendable, Equatable {
    public let line: WaitingLine
    /// Rows of it.
    public let count: Int
    /// Until its first row may be tried, by the server's clock; negative when that is past.
    public let delay: Duration

    public init(line: WaitingLine, count: Int, delay: Duration) {
        self.line = line
        self.count = count
        self.delay = delay
    }
}

/// A row of table `waiting` that may be tried now, and what the inbox says of its update.
public struct DueRow: Sendable, Equatable {
    public let row: WaitingRow
    public let outcome: InboxOutcome?

    public init(row: WaitingRow, outcome: InboxOutcome? = nil) {
        self.row = row
        self.outcome = outcome
    }
}

extension Database {
    /// All lines of a lane.
    public func waitingHeads(lane: LaneClaim) async throws(StoreError) -> [WaitingHead] {
        let statement = Statement(
            "waiting.heads",
            """
            SELECT conversation, NULL::bigint, count(*),
                (extract(epoch FROM (array_agg(due_at ORDER BY seq))[1] - clock_timestamp()) * 1000)::bigint
            FROM waiting WHERE lane_id = $1 AND NOT alone GROUP BY conversation
            UNION ALL
            SELECT conversation, seq, 1, (extract(epoch FROM due_at - clock_timestamp()) * 1000)::bigint
            FROM waiting WHERE lane_id = $1 AND alone
            """
        ) { $0.add(lane.id) }
        return try await query(statement, idempotent: true).compactMap { row in
            guard let conversation = row.int64(0), let count = row.int(2), let delay = row.int64(3) else { return nil }
            return WaitingHead(
                line: WaitingLine(conversation: conversation, alone: row.int64(1)), count: count,
                delay: .milliseconds(delay))
        }
    }

    /// The first rows of these lines, at most `limit` of each, in the order of `seq`.
    public func waitingRows(
        lane: LaneClaim, lines: [WaitingLine], limit: Int
    ) async throws(StoreError) -> [DueRow] {
        let statement = Statement(
            "waiting.rows",
            """
            SELECT due.conversation, due.seq, due.update_id, due.body, due.attempts, coalesce(due.reason, ''),
                due.alone::integer + 2 * due.replay::integer + 4 * due.suspect::integer,
                (extract(epoch FROM clock_timestamp() - due.received_at) * 1000)::bigint, inbox.outcome
            FROM unnest($3::bigint[], $4::bigint[]) AS line (conversation, seq)
            CROSS JOIN LATERAL (
                SELECT * FROM waiting
                WHERE lane_id = $1 AND conversation = line.conversation
                    AND CASE WHEN line.seq IS NULL THEN NOT alone ELSE waiting.seq = line.seq END
                ORDER BY waiting.seq LIMIT $5
            ) AS due
            LEFT JOIN inbox ON inbox.bot_id = $2 AND inbox.update_id = due.update_id
            ORDER BY due.conversation, due.seq
            """
        ) {
            $0.add(lane.id)
            $0.add(lane.key.bot)
            $0.add(lines.map { Int64?.some($0.conversation) })
            $0.add(lines.map(\.alone))
            $0.add(Int64(limit))
        }
        return try await query(statement, idempotent: true).compactMap { DueRow($0) }
    }

    /// Which of these updates wait in the lane already.
    private static func waitingUpdates(_ lane: LaneClaim, _ updates: [Int64]) -> Statement {
        Statement(
            "waiting.updates",
            "SELECT update_id FROM waiting WHERE lane_id = $1 AND update_id = ANY ($2::bigint[])"
        ) {
            $0.add(lane.id)
            $0.add(updates)
        }
    }

    /// As ``recall(bot:updates:conversations:)``, and which of the updates wait in the lane already.
    public func recall(
        lane: LaneClaim, updates: [Int64], conversations: [Int64]
    ) async throws(StoreError) -> (
        settled: [Int64: InboxOutcome], sessions: [Int64: [UInt8]], waiting: Set<Int64>, blocked: Set<Int64>
    ) {
        if updates.isEmpty {
            let answer = try await recall(bot: lane.key.bot, updates: [], conversations: conversations)
            return ([:], answer.sessions, [], answer.blocked)
        }
        // In this order: an update moves from `waiting` to the inbox, never back.
        let results = try await pipeline(
            [
                Self.waitingUpdates(lane, updates), Self.settled(lane.key.bot, updates),
                Self.chats(lane.key.bot, conversations),
            ], idempotent: true)
        let waiting = Set(results[0].compactMap { $0.int64(0) })
        return (Self.outcomes(in: results[1]), Self.states(in: results[2]), waiting, Self.blocked(in: results[2]))
    }
}

extension DueRow {
    fileprivate init?(_ row: QueryResult.Row) {
        guard let conversation = row.int64(0), let seq = row.int64(1), let update = row.int64(2),
            let body = row.bytes(3), let attempts = row.int(4), let reason = row.text(5), let flags = row.int(6)
        else { return nil }
        let waiting = WaitingRow(
            conversation: conversation, seq: seq, updateID: update, body: body,
            attempts: Int32(truncatingIfNeeded: attempts), reason: reason,
            flags: WaitingRow.Flags(rawValue: Int16(truncatingIfNeeded: flags)),
            age: row.int64(7).map { .milliseconds($0) })
        let outcome = row.int64(8).flatMap { InboxOutcome(rawValue: Int16(truncatingIfNeeded: $0)) }
        self.init(row: waiting, outcome: outcome)
    }
}
