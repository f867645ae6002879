/// `POST /v1/replays`: puts dead letters back into their bots' queues, in the order of their numbers, in the background.
public struct ReplayRequest: Sendable, Codable, Equatable {
    /// Without `replayed` it means those that were not replayed yet.
    public var filter: DeadLetterFilter
    /// Must be set where the filter names none in particular.
    public var all: Bool?
    /// Letters a second, at most ``highestRate``.
    public var rate: Int?

    public static let standardRate = 50
    public static let highestRate = 1000

    public init(filter: DeadLetterFilter, all: Bool = false, rate: Int? = nil) {
        self.filter = filter
        self.all = all
        self.rate = rate
    }
}

/// How far a replay is.
public struct ReplayView: Sendable, Codable, Equatable {
    /// Counts from 1 since the coordinator started.
    public var number: Int
    public var state: State
    /// Who asked for it.
    public var author: String
    /// Letters that the filter meant when it began.
    public var total: Int64
    /// Put back and confirmed by the broker.
    public var replayed: Int64 = 0
    /// Not put back; they can be replayed again.
    public var failed: Int64 = 0
    /// Why, of the first few.
    public var failures: [Failure] = []
    /// Why it ended before its time.
    public var detail: String?
    public var startedAt: Timestamp
    public var endedAt: Timestamp?

    public enum State: String, Sendable, Codable {
        case running, done
        /// By somebody's wish, or because the coordinator ended.
        case stopped
        /// The broker or the database was away for too long.
        case failed
    }

    public struct Failure: Sendable, Codable, Equatable {
        public var number: Int64
        public var reason: String

        public init(number: Int64, reason: String) {
            self.number = number
            self.reason = reason
        }
    }

    public init(number: Int, author: String, total: Int64, startedAt: Timestamp) {
        self.number = number
        self.author = author
        self.total = total
        self.startedAt = startedAt
        state = .running
    }
}
