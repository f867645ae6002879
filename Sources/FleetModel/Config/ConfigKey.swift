/// One key of the config: its type, range, default and meaning. Validation, `config explain` and the docs' table all
/// come from ``ConfigSchema/keys``.
public struct ConfigKey: Sendable {
    public let name: String
    public let type: ValueType
    public let standard: ConfigValue
    public let help: String

    public enum ValueType: Sendable, Equatable {
        case bool
        case int(ClosedRange<Int64>)
        case number(ClosedRange<Double>)
        /// Text of at most so many characters.
        case text(max: Int)
        case choice([String])
        /// A map whose form its owner checks (``MenuTree``).
        case menu
    }

    /// The accepted values in words: `integer 1 to 1000`.
    public var accepts: String {
        switch type {
        case .bool: "true or false"
        case .int(let range): "integer \(range.lowerBound) to \(range.upperBound)"
        case .number(let range): "number \(range.lowerBound) to \(range.upperBound)"
        case .text(let max): "text of at most \(max) characters"
        case .choice(let names): "one of " + names.joined(separator: ", ")
        case .menu: "a menu (see docs/menu.md)"
        }
    }
}

/// Every key there is.
public enum ConfigSchema {
    public static let keys: [ConfigKey] = [
        ConfigKey(
            name: "greeting", type: .text(max: 1000), standard: .string("You said:"),
            help: "What the echo behaviour puts before the text it repeats."),
        ConfigKey(
            name: "menu", type: .menu, standard: .object([:]),
            help: "The tree of commands, keyboards and replies of the menu behaviour."),
        ConfigKey(
            name: "settle.batch_size", type: .int(1...2000), standard: .int(256),
            help: "A settlement closes when it holds this many updates, or when no other can join it soon."),
        ConfigKey(
            name: "settle.delay_ms", type: .int(0...1000), standard: .int(3),
            help: "A settlement closes this many milliseconds after its first update at the latest."),
        ConfigKey(
            name: "pull.prefetch", type: .int(1...10_000), standard: .int(1000),
            help: "Updates the broker hands a lane's owner ahead of acks. Read when a lane is opened."),
        ConfigKey(
            name: "handler.attempts", type: .int(1...20), standard: .int(5),
            help: "Tries of a failing handler before its update is dead-lettered."),
        ConfigKey(
            name: "handler.timeout_ms", type: .int(10...600_000), standard: .int(30_000),
            help: "A handler that takes longer has failed."),
        ConfigKey(
            name: "handler.concurrency", type: .int(1...1000), standard: .int(64),
            help: "Chats of one bot whose handlers run at the same time."),
        ConfigKey(
            name: "retry.base_ms", type: .int(1...600_000), standard: .int(500),
            help: "Pause after a first failed try; it doubles with each further one, less a random half at most."),
        ConfigKey(
            name: "retry.max_ms", type: .int(1...86_400_000), standard: .int(300_000),
            help: "The longest pause between two tries."),
        ConfigKey(
            name: "retry.keep_order", type: .bool, standard: .bool(true),
            help: "A failed update holds up its chat until it succeeds or is dead-lettered. Off, only it waits."),
        ConfigKey(
            name: "park.after_ms", type: .int(10...600_000), standard: .int(1000),
            help: "A chat whose handler runs longer is parked: what follows in it waits in the database."),
        ConfigKey(
            name: "park.max_open", type: .int(1...10_000), standard: .int(200),
            help: "A chat with more updates waiting for its handler is parked."),
        ConfigKey(
            name: "park.max_unsent", type: .int(1...100_000), standard: .int(100),
            help: "A chat with so many replies waiting to be sent is parked."),
        ConfigKey(
            name: "expiry.callback_s", type: .int(0...86_400), standard: .int(60),
            help: "A pressed button older than this settles without work: its answer is refused by then. 0: never."),
        ConfigKey(
            name: "expiry.pre_checkout_s", type: .int(0...86_400), standard: .int(10),
            help: "A pre-checkout query older than this settles without work (Bot API: 10 seconds). 0: never."),
        ConfigKey(
            name: "send.concurrency", type: .int(1...1000), standard: .int(32),
            help: "Calls of one bot to Telegram at the same time."),
        ConfigKey(
            name: "send.timeout_ms", type: .int(100...120_000), standard: .int(15_000),
            help: "A call to Telegram that takes longer is tried again."),
        ConfigKey(
            name: "send.max_unsent", type: .int(1...100_000), standard: .int(2000),
            help: "A lane starts no handler while it has this many replies waiting to be sent."),
        ConfigKey(
            name: "send.paused", type: .bool, standard: .bool(false),
            help: "Keep committed replies back; they go out, in order, when this is false again."),
        ConfigKey(
            name: "send.ambiguous", type: .choice(["resend", "surface"]), standard: .string("resend"),
            help: "A send whose outcome nobody knows is repeated, or kept as event send_ambiguous and not repeated."),
        ConfigKey(
            name: "flood.limits", type: .bool, standard: .bool(true),
            help: "Keep to Telegram's published rates. Off, only its 429 answers slow a bot down."),
        ConfigKey(
            name: "flood.bot_per_second", type: .number(0.1...10_000), standard: .double(30),
            help: "Messages a second of one bot, over all chats and workers."),
        ConfigKey(
            name: "flood.chat_per_second", type: .number(0.01...1000), standard: .double(1),
            help: "Messages a second into one private chat, after a burst of three."),
        ConfigKey(
            name: "flood.group_per_minute", type: .number(0.1...10_000), standard: .double(20),
            help: "Messages a minute into one group."),
        ConfigKey(
            name: "log.level", type: .choice(["trace", "debug", "info", "notice", "warning", "error"]),
            standard: .string("info"), help: "What a worker logs."),
    ]

    public static func key(_ name: String) -> ConfigKey? { byName[name] }
    private static let byName = Dictionary(uniqueKeysWithValues: keys.map { ($0.name, $0) })
}
