public struct DeadLetterView: Sendable, Codable, Equatable {
    public var number: Int64
    public var bot: BotID
    /// `nil` when the body could not be read that far.
    public var updateID: Int64?
    public var kind: DeadLetterKind
    public var reason: String
    public var attempts: Int
    /// When it was first tried, as far as that is known; only when one is asked for.
    public var firstAt: Timestamp?
    /// When it was given up.
    public var at: Timestamp
    /// When it was last put back into its queue.
    public var replayedAt: Timestamp?
    /// Bytes of the body.
    public var size: Int
    /// The body as text, invalid UTF-8 replaced; only when one is asked for.
    public var body: String?

    public init(
        number: Int64, bot: BotID, updateID: Int64?, kind: DeadLetterKind, reason: String, attempts: Int,
        firstAt: Timestamp?, at: Timestamp, replayedAt: Timestamp?, size: Int, body: String?
    ) {
        self.number = number
        self.bot = bot
        self.updateID = updateID
        self.kind = kind
        self.reason = reason
        self.attempts = attempts
        self.firstAt = firstAt
        self.at = at
        self.replayedAt = replayedAt
        self.size = size
        self.body = body
    }
}

/// `GET /v1/dead-letters/count`: how many a filter means.
public struct DeadLetterCount: Sendable, Codable, Equatable {
    public var total: Int64
    public var unreplayed: Int64
    /// The highest number among them; 0 without any.
    public var last: Int64

    public init(total: Int64, unreplayed: Int64, last: Int64) {
        self.total = total
        self.unreplayed = unreplayed
        self.last = last
    }
}

/// `POST /v1/dead-letters/purge`: deletes those that the filter means, for good.
public struct PurgeRequest: Sendable, Codable, Equatable {
    public var filter: DeadLetterFilter
    /// Must be set where the filter says nothing.
    public var all: Bool?

    public init(filter: DeadLetterFilter, all: Bool = false) {
        self.filter = filter
        self.all = all
    }
}

public struct PurgeView: Sendable, Codable, Equatable {
    public var purged: Int64
    public init(purged: Int64) { self.purged = purged }
}

/// `POST /v1/dead-letters/collect`: what RabbitMQ itself has dead-lettered was moved among the dead letters.
public struct CollectView: Sendable, Codable, Equatable {
    public var collected: Int
    /// Why some may be left, in one line.
    public var problem: String?

    public init(collected: Int, problem: String?) {
        self.collected = collected
        self.problem = problem
    }
}
