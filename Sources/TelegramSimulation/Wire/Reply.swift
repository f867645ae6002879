/// An HTTP answer of the simulator: status and body, made outside any HTTP library.
public struct Reply: Sendable, Equatable {
    /// HTTP status. Telegram repeats it as `error_code`.
    public var status: Int
    public var body: [UInt8]
    public var contentType: ContentType

    public enum ContentType: String, Sendable {
        case json = "application/json"
        case html = "text/html"
    }

    public init(status: Int = 200, body: [UInt8], contentType: ContentType = .json) {
        self.status = status
        self.body = body
        self.contentType = contentType
    }

    /// `{"ok":true,"result":…}` around JSON text. Bot API, "Making requests".
    static func result(_ json: [UInt8]) -> Reply {
        var out = JSONWriter(reserving: json.count + 24)
        out.raw("{\"ok\":true,\"result\":")
        out.json(json)
        out.raw("}")
        return Reply(body: out.bytes)
    }

    static let resultTrue = Reply(body: Array("{\"ok\":true,\"result\":true}".utf8))

    public init(_ error: APIError) {
        var out = JSONWriter(reserving: 160)
        out.raw("{\"ok\":false,\"error_code\":")
        out.number(Int64(error.code))
        out.raw(",\"description\":")
        out.text(error.text)
        if let seconds = error.retryAfter {
            out.raw(",\"parameters\":{\"retry_after\":")
            out.number(Int64(seconds))
            out.raw("}")
        }
        out.raw("}")
        self.init(status: error.code, body: out.bytes)
    }
}
