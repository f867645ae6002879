import FleetModel
import Store

/// Chats that Telegram will not deliver to, as far as this owner knows: from its own calls and from recalls. An update
/// of the chat lifts it.
struct ChatBlocks {
    private var reasons: [Int64: (reason: String, until: ContinuousClock.Instant)] = [:]

    /// Blocks remembered; beyond it the oldest go, and a call finds out again.
    static let bound = 10_000
    /// Then a call finds out again. The update that lifts a block may have gone to another lane's owner, where a bot
    /// writes to chats that are not its lane's.
    static let validity: Duration = .seconds(3600)

    var isEmpty: Bool { reasons.isEmpty }

    func contains(_ chat: Int64) -> Bool { reasons[chat] != nil }

    func reason(_ chat: Int64, now: ContinuousClock.Instant) -> String? {
        reasons[chat].flatMap { now < $0.until ? $0.reason : nil }
    }

    mutating func add(_ chat: Int64, _ reason: String, now: ContinuousClock.Instant) {
        reasons[chat] = (reason, now + Self.validity)
        if reasons.count <= Self.bound { return }
        let oldest = reasons.sorted { $0.value.until < $1.value.until }.prefix(Self.bound / 4)
        for (chat, _) in oldest { reasons[chat] = nil }
    }

    mutating func remove(_ chat: Int64) { reasons[chat] = nil }

    /// Another owner may lift blocks meanwhile.
    mutating func removeAll() { reasons = [:] }
}

/// What the next settlement records of sending.
struct SendReport {
    var events: [EventRow] = []
    var blocks: [(conversation: Int64, reason: String)] = []
}

/// Totals, for the counters.
struct SendTally {
    var refused: Int64 = 0
    var ambiguous: Int64 = 0
    var blocked: Int64 = 0
    var rateLimited: Int64 = 0
}
