/// What is shown below a message, or in place of the keyboard. Bot API, "reply_markup".
public enum ReplyMarkup: Encodable, Sendable, Equatable {
    case inlineKeyboard(InlineKeyboardMarkup)
    case keyboard(ReplyKeyboardMarkup)
    case removeKeyboard(ReplyKeyboardRemove)

    public func encode(to encoder: any Encoder) throws {
        switch self {
        case .inlineKeyboard(let markup): try markup.encode(to: encoder)
        case .keyboard(let markup): try markup.encode(to: encoder)
        case .removeKeyboard(let markup): try markup.encode(to: encoder)
        }
    }
}

/// Bot API, "InlineKeyboardMarkup".
public struct InlineKeyboardMarkup: Codable, Sendable, Equatable {
    /// Rows of buttons.
    public var inlineKeyboard: [[InlineKeyboardButton]]

    public init(inlineKeyboard: [[InlineKeyboardButton]]) { self.inlineKeyboard = inlineKeyboard }

    enum CodingKeys: String, CodingKey {
        case inlineKeyboard = "inline_keyboard"
    }
}

/// Bot API, "InlineKeyboardButton": text and exactly one of the others.
public struct InlineKeyboardButton: Codable, Sendable, Equatable {
    public var text: String
    public var url: String?
    /// 1 to 64 bytes.
    public var callbackData: String?

    public init(text: String, url: String? = nil, callbackData: String? = nil) {
        self.text = text
        self.url = url
        self.callbackData = callbackData
    }

    enum CodingKeys: String, CodingKey {
        case text, url
        case callbackData = "callback_data"
    }
}

/// Bot API, "ReplyKeyboardMarkup".
public struct ReplyKeyboardMarkup: Codable, Sendable, Equatable {
    public var keyboard: [[KeyboardButton]]
    public var resizeKeyboard: Bool?
    public var oneTimeKeyboard: Bool?

    public init(keyboard: [[KeyboardButton]], resizeKeyboard: Bool? = nil, oneTimeKeyboard: Bool? = nil) {
        self.keyboard = keyboard
        self.resizeKeyboard = resizeKeyboard
        self.oneTimeKeyboard = oneTimeKeyboard
    }

    enum CodingKeys: String, CodingKey {
        case keyboard
        case resizeKeyboard = "resize_keyboard"
        case oneTimeKeyboard = "one_time_keyboard"
    }
}

/// Bot API, "KeyboardButton".
public struct KeyboardButton: Codable, Sendable, Equatable {
    public var text: String
    public init(text: String) { self.text = text }
}

/// Bot API, "ReplyKeyboardRemove".
public struct ReplyKeyboardRemove: Codable, Sendable, Equatable {
    public var removeKeyboard = true
    public init() {}

    enum CodingKeys: String, CodingKey {
        case removeKeyboard = "remove_keyboard"
    }
}
