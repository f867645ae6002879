/// What a call wants to put into a chat or to change there, checked as far as it can be without the bot's state.
struct SendRequest: Sendable {
    /// UTF-16 units. Bot API, "sendMessage", `text`; "sendPhoto", `caption`.
    static let maximumText = 4096
    static let maximumCaption = 1024

    var chat: Int64
    var text = ""
    var markup: ReplyMarkup?
    var medium: Medium?

    /// sendMessage and its relatives.
    init(sending method: Method, _ parameters: Parameters) throws(APIError) {
        chat = try Self.chat(parameters)
        markup = try Self.markup(parameters)
        if method == .sendMessage {
            text = try Self.text(parameters)
        } else if let name = method.sentContent {
            text = try Self.caption(parameters)
            guard let value = parameters[name] else { throw .badRequest("there is no \(name) in the request") }
            medium = Medium(name: name, value: Self.attached(value, parameters))
        }
    }

    /// `attach://NAME` stands for the file in the part NAME. Bot API, "Sending files".
    private static func attached(_ value: Parameters.Value, _ parameters: Parameters) -> Parameters.Value {
        guard case .text(let text) = value, text.hasPrefix("attach://") else { return value }
        return parameters[String(text.dropFirst("attach://".count))] ?? value
    }

    static func chat(_ parameters: Parameters, _ name: String = "chat_id") throws(APIError) -> Int64 {
        if let id = parameters.integer(name) { return id }
        switch parameters.text(name) {
        case nil, "": throw .badRequest("\(name) is empty")
        default: throw .chatNotFound
        }
    }

    static func text(_ parameters: Parameters) throws(APIError) -> String {
        guard let text = parameters.text("text"), text.contains(where: { !$0.isWhitespace }) else {
            throw .badRequest("message text is empty")
        }
        // As many bytes as units are allowed are never too many units.
        if text.utf8.count > maximumText, text.utf16.count > maximumText { throw .badRequest("message is too long") }
        return text
    }

    static func caption(_ parameters: Parameters) throws(APIError) -> String {
        let caption = parameters.text("caption") ?? ""
        if caption.utf16.count > maximumCaption { throw .badRequest("message caption is too long") }
        return caption
    }

    static func markup(_ parameters: Parameters) throws(APIError) -> ReplyMarkup? {
        guard let json = parameters.json("reply_markup") else { return nil }
        return try ReplyMarkup(json)
    }

    static func message(_ parameters: Parameters) throws(APIError) -> Int64 {
        guard let id = parameters.integer("message_id") else {
            throw .badRequest("message identifier is not specified")
        }
        return id
    }
}

/// A photo, document and the like that was sent, described without its bytes.
struct Medium: Sendable {
    let name: String
    let value: Parameters.Value

    /// The member of the message, with ids made of the message's id.
    func json(message: Int64) -> [UInt8] {
        var out = JSONWriter()
        if name == "photo" { out.raw("[") }
        out.raw("{")
        switch value {
        case .file(let file):
            out.member("file_id", "\(name)-\(message)")
            out.member("file_unique_id", "u\(message)")
            out.member("file_size", file.size)
            if !["photo", "sticker"].contains(name) {
                out.member("mime_type", file.contentType)
                if name != "voice" { out.member("file_name", file.name) }
            }
        case .text(let reference):
            // A file_id known to Telegram, or a URL it would fetch.
            out.member("file_id", reference)
            out.member("file_unique_id", "u\(message)")
        case .integer, .json:
            out.member("file_id", "\(name)-\(message)")
            out.member("file_unique_id", "u\(message)")
        }
        if ["photo", "video", "animation", "sticker"].contains(name) {
            out.member("width", 640)
            out.member("height", 480)
        }
        if ["video", "animation", "audio", "voice"].contains(name) { out.member("duration", 1) }
        if name == "sticker" {
            out.raw(",\"type\":\"regular\",\"is_animated\":false,\"is_video\":false")
        }
        out.raw("}")
        if name == "photo" { out.raw("]") }
        return out.bytes
    }
}
