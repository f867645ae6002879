import FleetModel

/// What the database holds of one bot, counted row by row: for reports, not for every second.
public struct BotCounts: Sendable, Equatable {
    public var done: Int64 = 0
    public var dead: Int64 = 0
    public var sessions: Int64 = 0
    public var unsent: Int64 = 0
    public var deadLetters: Int64 = 0
    public var events: Int64 = 0
    public init() {}
}

extension Database {
    /// Counts of all bots, all of one moment.
    public func counts() async throws(StoreError) -> [BotID: BotCounts] {
        let statement = Statement(
            "bot.counts",
            """
            SELECT id,
                (SELECT count(*) FROM inbox WHERE bot_id = bot.id AND outcome = 1),
                (SELECT count(*) FROM inbox WHERE bot_id = bot.id AND outcome = 2),
                (SELECT count(*) FROM session WHERE bot_id = bot.id),
                (SELECT count(*) FROM outbox JOIN lane ON lane.id = outbox.lane_id WHERE lane.bot_id = bot.id),
                (SELECT count(*) FROM dead_letter WHERE bot_id = bot.id),
                (SELECT count(*) FROM event WHERE bot_id = bot.id)
            FROM bot
            """
        )
        var all: [BotID: BotCounts] = [:]
        for row in try await query(statement, idempotent: true) {
            guard let id = row.text(0).flatMap({ BotID($0) }) else { continue }
            var counts = BotCounts()
            counts.done = row.int64(1) ?? 0
            counts.dead = row.int64(2) ?? 0
            counts.sessions = row.int64(3) ?? 0
            counts.unsent = row.int64(4) ?? 0
            counts.deadLetters = row.int64(5) ?? 0
            counts.events = row.int64(6) ?? 0
            all[id] = counts
        }
        return all
    }
}
