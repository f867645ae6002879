import FleetModel

/// What the three witnesses say: the simulator of what it handed out and what it received, and the database.
public struct Evidence: Sendable, Codable {
    /// An update that a user caused.
    public struct Update: Sendable, Equatable, Codable {
        public var bot: BotID
        public var updateID: Int64
        public var chat: Int64
        /// Of the message in its chat, from 0.
        public var number: Int
        /// When it was made; microseconds since 1970.
        public var at: Int64
        /// When a client was first given it; `nil`: never.
        public var handedOutAt: Int64?

        public init(bot: BotID, updateID: Int64, chat: Int64, number: Int, at: Int64) {
            self.bot = bot
            self.updateID = updateID
            self.chat = chat
            self.number = number
            self.at = at
            handedOutAt = at
        }
    }

    /// A message that was received, in the order of its bot's log.
    public struct Reply: Sendable, Equatable, Codable {
        public var bot: BotID
        public var chat: Int64
        /// Of the message it answers.
        public var number: Int
        /// How many messages of the chat had taken effect, this one included.
        public var count: Int
        public var at: Int64
        /// The simulator kept its answer back.
        public var answerLost = false

        public init(bot: BotID, chat: Int64, number: Int, count: Int, at: Int64) {
            self.bot = bot
            self.chat = chat
            self.number = number
            self.count = count
            self.at = at
        }
    }

    /// The session of a chat, as the ledger behaviour keeps it.
    public struct Ledger: Sendable, Equatable, Codable {
        public var count: Int
        public var last: Int
        public var disorder: Int

        public init(count: Int, last: Int, disorder: Int = 0) {
            self.count = count
            self.last = last
            self.disorder = disorder
        }
    }

    /// What the database holds of one bot.
    public struct Holding: Sendable, Equatable, Codable {
        public var done: Set<Int64> = []
        /// Updates whose outcome is dead.
        public var dead: Set<Int64> = []
        public var ledgers: [Int64: Ledger] = [:]
        public var unsent = 0
        public var waiting = 0

        public init() {}
    }

    public var updates: [Update]
    public var replies: [Reply]
    public var holdings: [BotID: Holding]

    public init(updates: [Update], replies: [Reply], holdings: [BotID: Holding]) {
        self.updates = updates
        self.replies = replies
        self.holdings = holdings
    }
}

/// A message of a chat of a bot.
struct MessageKey: Hashable {
    var bot: BotID
    var chat: Int64
    var number: Int

    init(_ update: Evidence.Update) { (bot, chat, number) = (update.bot, update.chat, update.number) }
    init(_ reply: Evidence.Reply) { (bot, chat, number) = (reply.bot, reply.chat, reply.number) }
}

struct ChatKey: Hashable {
    var bot: BotID
    var chat: Int64
}
