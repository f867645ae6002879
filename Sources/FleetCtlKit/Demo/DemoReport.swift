import FleetModel

/// What the demo found. Every figure comes from the simulator's log or from the database.
public struct DemoReport: Sendable, Equatable, Codable {
    /// Updates the simulator made.
    public var injected = 0
    /// Of these, settled as done in the inbox.
    public var handled = 0
    /// Of these, answered in the simulator.
    public var replied = 0
    /// Neither handled nor replied to, or without the effect on their chat's counter.
    public var lost = 0
    /// By how much the chats' counters are too high.
    public var effectsTwice = 0
    /// Messages the simulator received more than once.
    public var repliesTwice: [RepeatedReply] = []
    /// Replies that came after the reply to a later message of their chat, first copies compared.
    public var outOfOrder = 0
    /// From the first update's making to the last reply's arrival. The demo speaks at an even rate, so this is no
    /// measure of what the fleet could do.
    public var updatesPerSecond: Double = 0
    /// From the making of an update to the arrival of its first reply, by the simulator's clock.
    public var latency: LatencySummary?
    /// From the SIGKILL to the arrival of the first reply by the worker's successor.
    public var recoveryMilliseconds: Double?
    public var broadcast = Broadcast()
    /// Bots whose reply to the last message had the new greeting.
    public var botsWithNewGreeting = 0
    /// Messages that the database still holds as unsent.
    public var unsent = 0
    public var bots = 0
    public var chats = 0
    /// Whether all is as it should be; if not, `problems` says what.
    public var right = false
    public var problems: [String] = []
    /// At most 100 of each kind that is counted above and should not be there.
    public var lostUpdates: [UpdateName] = []
    public var outOfOrderReplies: [UpdateName] = []

    public init() {}

    public struct UpdateName: Sendable, Equatable, Codable {
        public var bot: BotID
        public var updateID: Int64
        public var chat: Int64

        enum CodingKeys: String, CodingKey {
            case bot, chat
            case updateID = "update_id"
        }
    }

    public struct RepeatedReply: Sendable, Equatable, Codable {
        public var bot: BotID
        public var updateID: Int64
        public var chat: Int64
        public var copies: Int
        /// It was on its way, or not yet marked as sent, when its worker was killed.
        public var inFlightAtTheKill: Bool

        enum CodingKeys: String, CodingKey {
            case bot, chat, copies
            case updateID = "update_id"
            case inFlightAtTheKill = "in_flight_at_the_kill"
        }
    }

    public struct Broadcast: Sendable, Equatable, Codable {
        public var workers = 0
        public var applied = 0
        public var milliseconds: Double = 0

        public init() {}

        public init(_ tally: TallyView) {
            workers = tally.rows.count
            applied = tally.count(.applied)
            milliseconds = tally.milliseconds
        }

        enum CodingKeys: String, CodingKey {
            case workers, applied
            case milliseconds = "ms"
        }
    }

    enum CodingKeys: String, CodingKey {
        case injected, handled, replied, lost, broadcast, unsent, bots, chats, right, problems
        case effectsTwice = "effects_twice"
        case repliesTwice = "replies_twice"
        case outOfOrder = "out_of_order"
        case updatesPerSecond = "updates_per_s"
        case latency = "latency_ms"
        case recoveryMilliseconds = "recovery_ms"
        case botsWithNewGreeting = "bots_with_new_greeting"
        case lostUpdates = "lost_updates"
        case outOfOrderReplies = "out_of_order_replies"
    }
}

extension DemoReport {
    /// For a terminal.
    public var text: String {
        let allowed = repliesTwice.count { $0.inFlightAtTheKill }
        var out = """
            \(NumberText.grouped(injected)) updates of \(chats) chats to \(bots) bots at \
            \(NumberText.fixed(updatesPerSecond, 0))/s
              handled once in the database   \(NumberText.grouped(handled))
              replied to                     \(NumberText.grouped(replied))
              lost                           \(lost)
              effects twice                  \(effectsTwice)
              replies twice                  \(repliesTwice.count) (\(allowed) in flight at the kill)
              out of order                   \(outOfOrder)
              latency                        \(latency?.text ?? "–")
              killed worker answered again   \(recoveryMilliseconds.map { NumberText.fixed($0, 0) + " ms" } ?? "–") later
              config broadcast               \(broadcast.applied) of \(broadcast.workers) workers applied it in \
            \(NumberText.fixed(broadcast.milliseconds)) ms

            """
        for problem in problems { out += "WRONG: \(problem)\n" }
        return out + (right ? "everything is right\n" : "")
    }
}
