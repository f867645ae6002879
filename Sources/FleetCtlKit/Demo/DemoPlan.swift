import FleetModel

/// Who says what in the demo. Each chat belongs to one bot and counts its messages from 0.
public struct DemoPlan: Sendable, Equatable {
    public var bots = 10
    public var chats = 500
    public var updates = 20_000
    /// Updates a second: moderate, so that latencies are those of a fleet at work and not of a backlog.
    public var rate = 400.0
    /// Messages that a user sends in one go, so that the order within a chat is put to the test.
    public var burst = 4

    public static let firstGreeting = "Hello,"
    public static let secondGreeting = "Good evening,"
    static let firstChat: Int64 = 1001

    public init() {}

    public struct Speech: Sendable, Equatable {
        /// From 0.
        public let bot: Int
        public let chat: Int64
        /// Of this chat, from 0.
        public let number: Int
        public var text: String { "message \(number)" }
    }

    public func speech(_ index: Int) -> Speech {
        let turn = index / burst
        let chat = turn % chats
        return Speech(
            bot: chat % bots,
            chat: Self.firstChat + Int64(chat),
            number: turn / chats * burst + index % burst
        )
    }

    /// The number a message or its echo ends with.
    public static func number(in text: String) -> Int? {
        text.split(separator: " ").last.flatMap { Int($0) }
    }

    public func botID(_ index: Int) -> BotID? {
        BotID("demo-" + (index < 9 ? "0" : "") + "\(index + 1)")
    }

    public var schedule: LoadSchedule {
        LoadSchedule(rate: rate, duration: .milliseconds(Int64((Double(updates) / rate * 1000).rounded())))
    }
}
