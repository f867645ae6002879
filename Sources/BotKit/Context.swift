import FleetModel

/// What a handler sees besides the update, and where it leaves what it wants done.
public struct Context: Sendable {
    public let bot: BotID
    /// The bot's config at the generation this update is handled under.
    public let config: BotConfig
    /// The chat's session as committed by the update before; `nil` at first. Set it to change it, or to `nil` to
    /// forget the chat.
    public var session: [UInt8]? {
        didSet { sessionChanged = true }
    }
    private let update: Origin
    public private(set) var sessionChanged = false
    public private(set) var calls: [OutgoingCall] = []
    public private(set) var events: [Event] = []

    private struct Origin: Sendable {
        let chat: Int64?
        let conversation: Int64
        let message: Int64?
        let query: String?
    }

    public init(bot: BotID, config: BotConfig, session: [UInt8]?, update: UpdateEnvelope) {
        self.bot = bot
        self.config = config
        self.session = session
        let isQuery = update.kind == .callbackQuery
        self.update = Origin(
            chat: update.chat,
            conversation: update.conversation,
            message: update.message,
            query: isQuery ? update.queryID : nil
        )
    }

    /// Sends `text` to the chat of the update; nothing when it has none.
    public mutating func reply(_ text: String, keyboard: InlineKeyboard? = nil) {
        guard let chat = update.chat else { return }
        calls.append(.sendMessage(chat: chat, text: text, keyboard: keyboard))
    }

    /// Replaces text and keyboard of the message whose button was pressed; a plain reply when there is none.
    public mutating func edit(_ text: String, keyboard: InlineKeyboard? = nil) {
        guard let chat = update.chat, let message = update.message, update.query != nil else {
            return reply(text, keyboard: keyboard)
        }
        calls.append(.editMessageText(chat: chat, message: message, text: text, keyboard: keyboard))
    }

    /// Ends the spinner on the pressed button; nothing for updates that are no callback query.
    public mutating func answerCallback(_ text: String? = nil) {
        guard let query = update.query else { return }
        calls.append(.answerCallbackQuery(id: query, text: text))
    }

    /// Any other method of the Bot API, in order with the rest of the chat.
    public mutating func call(_ call: OutgoingCall) { calls.append(call) }

    /// Records a fact about this chat, committed together with the rest.
    public mutating func record(_ kind: String, data: ConfigValue = .object([:])) {
        events.append(Event(kind: kind, data: data))
    }
}

/// Something that happened, for analytics.
public struct Event: Sendable, Equatable {
    public let kind: String
    public let data: ConfigValue

    public init(kind: String, data: ConfigValue) {
        self.kind = kind
        self.data = data
    }
}
