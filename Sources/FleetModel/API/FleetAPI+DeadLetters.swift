public struct DeadLetterView: Sendable, Codable, Equatable {
    public var number: Int64
    public var bot: BotID
    /// `nil` when the body could not be read that far.
    public var updateID: Int64?
    public var reason: String
    public var attempts: Int
    public var at: Timestamp
    public var replayedAt: Timestamp?
    public var size: Int
    /// The body as text, invalid UTF-8 replaced; only when one is asked for.
    public var body: String?

    public init(
        number: Int64, bot: BotID, updateID: Int64?, reason: String, attempts: Int, at: Timestamp,
        replayedAt: Timestamp?, size: Int, body: String?
    ) {
        self.number = number
        self.bot = bot
        self.updateID = updateID
        self.reason = reason
        self.attempts = attempts
        self.at = at
        self.replayedAt = replayedAt
        self.size = size
        self.body = body
    }
}

/// Replays one dead letter, or all of a bot that were not replayed yet.
public struct ReplayRequest: Sendable, Codable, Equatable {
    public var number: Int64?
    public var bot: BotID?

    public init(number: Int64? = nil, bot: BotID? = nil) {
        self.number = number
        self.bot = bot
    }
}

public struct ReplayView: Sendable, Codable, Equatable {
    public var replayed: [Int64]
    public var failed: [Failure]

    public struct Failure: Sendable, Codable, Equatable {
        public var number: Int64
        public var reason: String
        public init(number: Int64, reason: String) {
            self.number = number
            self.reason = reason
        }
    }

    public init(replayed: [Int64], failed: [Failure]) {
        self.replayed = replayed
        self.failed = failed
    }
}
