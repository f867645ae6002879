import FleetModel

/// Checks the `reply_markup` of a call. Bot API, "InlineKeyboardMarkup", "ReplyKeyboardMarkup", "ReplyKeyboardRemove",
/// "ForceReply".
struct ReplyMarkup: Sendable, Equatable {
    enum Form: Sendable { case inlineKeyboard, keyboard, remove, forceReply }

    let form: Form
    /// The JSON as it came.
    let json: [UInt8]

    /// `callback_data`: 1-64 bytes. Bot API, "InlineKeyboardButton".
    static let maximumDataSize = 64
    /// Bytes of a markup that Telegram takes.
    static let maximumSize = 10 << 10

    /// `nil` for an empty object, which clears a keyboard.
    init?(_ json: [UInt8]) throws(APIError) {
        if json.count > Self.maximumSize { throw .badRequest("REPLY_MARKUP_TOO_LONG") }
        var reading = Reading()
        do throws(JSONScanner.Malformed) {
            try json.withUnsafeBufferPointer { (bytes) throws(JSONScanner.Malformed) in
                var scanner = JSONScanner(bytes)
                scanner.skipSpace()
                guard scanner.peek == UInt8(ascii: "{") else {
                    reading.refusal = reading.refusal ?? .badRequest("object expected as reply markup")
                    return
                }
                try reading.read(&scanner)
                try scanner.end()
            }
        } catch {
            throw .badRequest("can't parse reply keyboard markup JSON object")
        }
        if let refusal = reading.refusal { throw refusal }
        guard let form = reading.form else { return nil }
        self.form = form
        self.json = json
    }

    /// Whether an inline keyboard has a button with this callback data.
    func hasButton(data wanted: String) -> Bool {
        json.withUnsafeBufferPointer { bytes in
            var scanner = JSONScanner(bytes)
            var reading = Reading()
            try? reading.read(&scanner)
            return reading.data.contains(wanted)
        }
    }

    /// An inline keyboard without any row.
    var isEmptyKeyboard: Bool {
        json.withUnsafeBufferPointer { bytes in
            var scanner = JSONScanner(bytes)
            var reading = Reading()
            try? reading.read(&scanner)
            return reading.buttons == 0
        }
    }
}

private struct Reading {
    var form: ReplyMarkup.Form?
    var refusal: APIError?
    var data: [String] = []
    var buttons = 0

    private mutating func refuse(_ text: String) { refusal = refusal ?? .badRequest(text) }

    mutating func read(_ scanner: inout JSONScanner) throws(JSONScanner.Malformed) {
        var reading = self
        try scanner.object { (key, scanner) throws(JSONScanner.Malformed) in
            if scanner.matches(key, "inline_keyboard") {
                reading.form = .inlineKeyboard
                try reading.rows("inline_keyboard", "InlineKeyboardMarkup", &scanner)
            } else if scanner.matches(key, "keyboard") {
                reading.form = .keyboard
                try reading.rows("keyboard", "ReplyKeyboardMarkup", &scanner)
            } else if scanner.matches(key, "remove_keyboard") {
                reading.form = .remove
                try scanner.skipValue()
            } else if scanner.matches(key, "force_reply") {
                reading.form = .forceReply
                try scanner.skipValue()
            } else {
                try scanner.skipValue()
            }
        }
        self = reading
    }

    private mutating func rows(
        _ field: String,
        _ type: String,
        _ scanner: inout JSONScanner
    ) throws(JSONScanner.Malformed) {
        var reading = self
        guard scanner.peek == UInt8(ascii: "[") else {
            refuse("field \"\(field)\" of the \(type) must be an Array")
            return try scanner.skipValue()
        }
        try scanner.array { (scanner) throws(JSONScanner.Malformed) in
            guard scanner.peek == UInt8(ascii: "[") else {
                reading.refuse("field \"\(field)\" of the \(type) must be an Array of Arrays")
                return try scanner.skipValue()
            }
            try scanner.array { (scanner) throws(JSONScanner.Malformed) in
                reading.buttons += 1
                if scanner.peek == UInt8(ascii: "{") {
                    try reading.button(inline: field == "inline_keyboard", &scanner)
                } else if scanner.peek == UInt8(ascii: "\""), field == "keyboard" {
                    try scanner.skipValue()
                } else {
                    reading.refuse("can't parse inline keyboard button: KeyboardButton must be an Object")
                    try scanner.skipValue()
                }
            }
        }
        self = reading
    }

    private mutating func button(inline: Bool, _ scanner: inout JSONScanner) throws(JSONScanner.Malformed) {
        var reading = self
        var text: String?
        var actions = 0
        try scanner.object { (key, scanner) throws(JSONScanner.Malformed) in
            if scanner.matches(key, "text"), scanner.peek == UInt8(ascii: "\"") {
                let value = try scanner.string()
                text = scanner.text(value)
            } else if scanner.matches(key, "callback_data"), scanner.peek == UInt8(ascii: "\"") {
                let value = try scanner.string()
                let data = scanner.text(value)
                actions += 1
                if !(1...ReplyMarkup.maximumDataSize).contains(data.utf8.count) {
                    reading.refuse("BUTTON_DATA_INVALID")
                }
                reading.data.append(data)
            } else {
                if scanner.peek != UInt8(ascii: "n"), !scanner.matches(key, "style"),
                    !scanner.matches(key, "icon_custom_emoji_id")
                {
                    actions += 1
                }
                try scanner.skipValue()
            }
        }
        if inline {
            if text == nil || text == "" {
                reading.refuse("can't parse inline keyboard button: Field \"text\" must be of type String")
            } else if actions == 0 {
                reading.refuse(
                    "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"
                )
            }
        }
        self = reading
    }
}
