/// Bot API, "sendMessage".
public struct SendMessage: TelegramMethod {
    public typealias Result = Message
    public static let name = "sendMessage"

    public var chatID: ChatID
    /// 1 to 4096 characters.
    public var text: String
    public var messageThreadID: Int64?
    /// `HTML`, `MarkdownV2`.
    public var parseMode: String?
    public var disableNotification: Bool?
    public var replyMarkup: ReplyMarkup?

    public init(
        chatID: ChatID,
        text: String,
        messageThreadID: Int64? = nil,
        parseMode: String? = nil,
        disableNotification: Bool? = nil,
        replyMarkup: ReplyMarkup? = nil
    ) {
        self.chatID = chatID
        self.text = text
        self.messageThreadID = messageThreadID
        self.parseMode = parseMode
        self.disableNotification = disableNotification
        self.replyMarkup = replyMarkup
    }

    enum CodingKeys: String, CodingKey {
        case text
        case chatID = "chat_id"
        case messageThreadID = "message_thread_id"
        case parseMode = "parse_mode"
        case disableNotification = "disable_notification"
        case replyMarkup = "reply_markup"
    }
}

/// Bot API, "editMessageText", of a message of the bot in a chat.
public struct EditMessageText: TelegramMethod {
    public typealias Result = Message
    public static let name = "editMessageText"

    public var chatID: ChatID
    public var messageID: Int64
    public var text: String
    public var parseMode: String?
    public var replyMarkup: InlineKeyboardMarkup?

    public init(
        chatID: ChatID,
        messageID: Int64,
        text: String,
        parseMode: String? = nil,
        replyMarkup: InlineKeyboardMarkup? = nil
    ) {
        self.chatID = chatID
        self.messageID = messageID
        self.text = text
        self.parseMode = parseMode
        self.replyMarkup = replyMarkup
    }

    enum CodingKeys: String, CodingKey {
        case text
        case chatID = "chat_id"
        case messageID = "message_id"
        case parseMode = "parse_mode"
        case replyMarkup = "reply_markup"
    }
}

/// Bot API, "answerCallbackQuery".
public struct AnswerCallbackQuery: TelegramMethod {
    public typealias Result = Bool
    public static let name = "answerCallbackQuery"

    public var callbackQueryID: String
    /// Up to 200 characters.
    public var text: String?
    public var showAlert: Bool?

    public init(callbackQueryID: String, text: String? = nil, showAlert: Bool? = nil) {
        self.callbackQueryID = callbackQueryID
        self.text = text
        self.showAlert = showAlert
    }

    enum CodingKeys: String, CodingKey {
        case text
        case callbackQueryID = "callback_query_id"
        case showAlert = "show_alert"
    }
}

extension TelegramClient {
    @discardableResult
    public func sendMessage(
        _ text: String,
        to chat: ChatID,
        replyMarkup: ReplyMarkup? = nil,
        deadline: Duration = .seconds(30)
    ) async throws(TelegramError) -> Message {
        try await call(SendMessage(chatID: chat, text: text, replyMarkup: replyMarkup), deadline: deadline)
    }

    @discardableResult
    public func editMessageText(
        _ text: String,
        of messageID: Int64,
        in chat: ChatID,
        replyMarkup: InlineKeyboardMarkup? = nil
    ) async throws(TelegramError) -> Message {
        try await call(EditMessageText(chatID: chat, messageID: messageID, text: text, replyMarkup: replyMarkup))
    }

    public func answerCallbackQuery(_ id: String, text: String? = nil) async throws(TelegramError) {
        _ = try await call(AnswerCallbackQuery(callbackQueryID: id, text: text))
    }
}
