import FleetModel

/// A call of the Bot API that a handler asks for: the method's name and its parameters as a JSON object.
public struct OutgoingCall: Sendable, Equatable {
    public let method: String
    public let body: [UInt8]
    /// The chat it goes to, if its `chat_id` is a number. Calls to one chat go out in their order.
    public let chat: Int64?
    /// Nobody waits for it; see ``bulk()``.
    public private(set) var isBulk = false

    /// - Parameter body: a JSON object; its `chat_id` is read.
    public init(method: String, body: [UInt8]) {
        self.init(method: method, body: body, chat: JSONScanner.integer("chat_id", in: body)?.value)
    }

    private init(method: String, body: [UInt8], chat: Int64?) {
        self.method = method
        self.body = body
        self.chat = chat
    }

    /// The same call as one of many that nobody waits for (a newsletter): answers to users go out before it.
    public func bulk() -> OutgoingCall {
        var call = self
        call.isBulk = true
        return call
    }

    public var priority: SendPriority { SendPriority(method: method, isBulk: isBulk) }

    /// Bot API, sendMessage: text of 1 to 4096 characters; longer text is cut, empty text becomes a dash.
    public static func sendMessage(chat: Int64, text: String, keyboard: InlineKeyboard? = nil) -> OutgoingCall {
        var body: [UInt8] = []
        body.reserveCapacity(48 + text.utf8.count)
        JSONText.append(raw: "{\"chat_id\":", to: &body)
        JSONText.append(chat, to: &body)
        appendText(text, keyboard: keyboard, to: &body)
        return OutgoingCall(method: "sendMessage", body: body, chat: chat)
    }

    /// Bot API, editMessageText.
    public static func editMessageText(
        chat: Int64,
        message: Int64,
        text: String,
        keyboard: InlineKeyboard? = nil
    ) -> OutgoingCall {
        var body: [UInt8] = []
        JSONText.append(raw: "{\"chat_id\":", to: &body)
        JSONText.append(chat, to: &body)
        JSONText.append(raw: ",\"message_id\":", to: &body)
        JSONText.append(message, to: &body)
        appendText(text, keyboard: keyboard, to: &body)
        return OutgoingCall(method: "editMessageText", body: body, chat: chat)
    }

    /// Bot API, answerCallbackQuery: text of at most 200 characters.
    public static func answerCallbackQuery(id: String, text: String? = nil) -> OutgoingCall {
        var body: [UInt8] = []
        JSONText.append(raw: "{\"callback_query_id\":", to: &body)
        JSONText.append(id, to: &body)
        if let text {
            JSONText.append(raw: ",\"text\":", to: &body)
            JSONText.append(String(text.prefix(200)), to: &body)
        }
        JSONText.append(raw: "}", to: &body)
        return OutgoingCall(method: "answerCallbackQuery", body: body, chat: nil)
    }

    /// Telegram counts UTF-16 code units; cutting at 4096 of them never cuts within a character here.
    private static func fitted(_ text: String) -> String {
        if text.isEmpty { return "-" }
        if text.utf8.count <= 4096 || text.utf16.count <= 4096 { return text }
        var end = text.startIndex
        var units = 0
        while end < text.endIndex, case let width = text[end].utf16.count, units + width <= 4096 {
            units += width
            end = text.index(after: end)
        }
        return String(text[..<end])
    }

    private static func appendText(_ text: String, keyboard: InlineKeyboard?, to body: inout [UInt8]) {
        JSONText.append(raw: ",\"text\":", to: &body)
        JSONText.append(fitted(text), to: &body)
        if let keyboard {
            JSONText.append(raw: ",\"reply_markup\":", to: &body)
            keyboard.append(to: &body)
        }
        JSONText.append(raw: "}", to: &body)
    }
}

/// Rows of buttons under a message. Bot API, InlineKeyboardMarkup.
public struct InlineKeyboard: Sendable, Equatable {
    public struct Button: Sendable, Equatable {
        public let label: String
        /// 1 to 64 bytes, given back in the callback query.
        public let data: String

        public init(label: String, data: String) {
            self.label = label
            self.data = data
        }
    }

    public let rows: [[Button]]

    public init(rows: [[Button]]) { self.rows = rows }

    func append(to body: inout [UInt8]) {
        JSONText.append(raw: "{\"inline_keyboard\":[", to: &body)
        for (index, row) in rows.enumerated() {
            JSONText.append(raw: index == 0 ? "[" : ",[", to: &body)
            for (index, button) in row.enumerated() {
                JSONText.append(raw: index == 0 ? "{\"text\":" : ",{\"text\":", to: &body)
                JSONText.append(button.label, to: &body)
                JSONText.append(raw: ",\"callback_data\":", to: &body)
                JSONText.append(button.data, to: &body)
                JSONText.append(raw: "}", to: &body)
            }
            JSONText.append(raw: "]", to: &body)
        }
        JSONText.append(raw: "]}", to: &body)
    }
}
