import FleetModel

/// What became of the updates of a load run, bot by bot. A value: times are handed in.
public struct LoadTracker: Sendable {
    public enum Publishing: Sendable {
        case confirmed
        /// The broker did not take it: its queue is full, or missing.
        case refused
        /// Sent, and the connection was lost before the confirm: it may be in the queue.
        case unknown
    }

    /// Microseconds since 1970, of publications that are in a queue and not yet seen settled.
    private var waiting: [BotID: [Int64: Int64]] = [:]
    public private(set) var confirmed = 0
    public private(set) var refused = 0
    public private(set) var unknown = 0
    public private(set) var settled = 0
    public private(set) var dead = 0
    public private(set) var confirms = LatencyHistogram()
    public private(set) var settlements = LatencyHistogram()

    public init() {}

    public var published: Int { confirmed + refused + unknown }
    public var unsettled: Int { confirmed + unknown - settled }

    public mutating func published(
        bot: BotID,
        id: Int64,
        at sent: Int64,
        confirmedAt: Int64,
        _ result: Publishing
    ) {
        switch result {
        case .confirmed:
            confirmed += 1
            confirms.add(milliseconds: Double(confirmedAt - sent) / 1000)
        case .unknown: unknown += 1
        case .refused:
            refused += 1
            return
        }
        waiting[bot, default: [:]][id] = sent
    }

    /// An inbox row was seen. Rows of other runs, and rows seen before, do not count.
    public mutating func settled(bot: BotID, id: Int64, at time: Int64, dead isDead: Bool) {
        guard let sent = waiting[bot]?.removeValue(forKey: id) else { return }
        settled += 1
        if isDead { dead += 1 }
        settlements.add(milliseconds: Double(time - sent) / 1000)
    }

    /// Ids that a bot's inbox has to be asked for; `nil` when it has settled all.
    public func open(_ bot: BotID) -> ClosedRange<Int64>? {
        guard let ids = waiting[bot], let low = ids.keys.min(), let high = ids.keys.max() else { return nil }
        return low...high
    }

    public var bots: [BotID] { waiting.keys.sorted() }
}
