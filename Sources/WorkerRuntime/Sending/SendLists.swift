import DequeModule
import FleetModel
import HeapModule

/// Where a chat that waits to send stands: ready, by priority and by whether its next call needs a part of the bot's
/// rate, or until a moment.
enum SendPlace: Equatable {
    case ready(SendPriority, isMessage: Bool)
    case waiting(until: Moment)
}

/// The chats that wait to send, in their order. Entries are dropped when they are met: a chat's own note of its place
/// says whether one still counts.
struct SendLists {
    struct Waiting: Comparable {
        let until: ContinuousClock.Instant
        let chat: Int64
        /// First come, first served at the same moment.
        let number: UInt64

        static func < (left: Self, right: Self) -> Bool {
            left.until == right.until ? left.number < right.number : left.until < right.until
        }
    }

    private var ready: [Deque<Int64>] = Array(repeating: [], count: 2 * SendPriority.allCases.count)
    private var waiting = Heap<Waiting>()
    private var lastNumber: UInt64 = 0

    private static func index(_ priority: SendPriority, _ isMessage: Bool) -> Int {
        2 * Int(priority.rawValue) + (isMessage ? 1 : 0)
    }

    mutating func append(_ chat: Int64, _ place: SendPlace) {
        switch place {
        case .ready(let priority, let isMessage): ready[Self.index(priority, isMessage)].append(chat)
        case .waiting(let until):
            lastNumber += 1
            waiting.insert(Waiting(until: until.instant, chat: chat, number: lastNumber))
        }
    }

    func count(_ priority: SendPriority, isMessage: Bool) -> Int { ready[Self.index(priority, isMessage)].count }

    mutating func popReady(_ priority: SendPriority, isMessage: Bool) -> Int64? {
        ready[Self.index(priority, isMessage)].popFirst()
    }

    /// The next whose time has come.
    mutating func popDue(now: ContinuousClock.Instant) -> Waiting? {
        guard let first = waiting.min, first.until <= now else { return nil }
        return waiting.popMin()
    }

    var nextDue: ContinuousClock.Instant? { waiting.min?.until }
    var hasReady: Bool { ready.contains { !$0.isEmpty } }
    var isEmpty: Bool { waiting.isEmpty && !hasReady }
}
