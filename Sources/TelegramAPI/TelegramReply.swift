import FleetModel
import HTTPTransport

/// A call's successful answer, read no further than its caller needs.
public struct TelegramReply: Sendable {
    /// The whole document, `{"ok":true,"result":…}`.
    public let body: [UInt8]
    /// Where the JSON text of `result` stands in `body`.
    public let resultRange: Range<Int>
    /// `result.message_id`, when the result is a message.
    public let messageID: Int64?

    public var result: ArraySlice<UInt8> { body[resultRange] }

    /// - Throws: the error the response stands for.
    public init(_ response: HTTPResponse) throws(TelegramError) {
        var envelope = Envelope()
        do throws(JSONScanner.Malformed) {
            try response.body.withUnsafeBufferPointer { (bytes) throws(JSONScanner.Malformed) in
                var scanner = JSONScanner(bytes)
                try envelope.read(&scanner)
            }
        } catch {
            throw Self.unreadable(response)
        }
        guard let isOK = envelope.isOK else { throw Self.unreadable(response) }
        guard isOK, let range = envelope.result else { throw envelope.error(of: response) }
        body = response.body
        resultRange = range
        messageID = envelope.messageID
    }

    /// An answer that some server on the way gave instead of the Bot API.
    private static func unreadable(_ response: HTTPResponse) -> TelegramError {
        switch response.status {
        case 429: .rateLimited(retryAfter: Self.retryAfter(response) ?? .seconds(1))
        case 500...599: .server(status: response.status)
        case 413: .rejected(status: 413, "the request is too large")
        default: .malformedReply(status: response.status)
        }
    }

    static func retryAfter(_ response: HTTPResponse) -> Duration? {
        response.headers["retry-after"].flatMap { Int64($0) }.map { .seconds(max(0, min($0, 86_400))) }
    }
}

/// The members around every answer. Bot API, "Making requests" and "ResponseParameters".
private struct Envelope {
    var isOK: Bool?
    var result: Range<Int>?
    var messageID: Int64?
    var code: Int64?
    var text = ""
    var retryAfter: Int64?
    var migratedTo: Int64?

    mutating func read(_ scanner: inout JSONScanner) throws(JSONScanner.Malformed) {
        var envelope = self
        try scanner.object { (key, scanner) throws(JSONScanner.Malformed) in
            if scanner.matches(key, "ok") {
                envelope.isOK = scanner.peek == UInt8(ascii: "t")
                try scanner.skipValue()
            } else if scanner.matches(key, "result") {
                let start = scanner.offset
                try envelope.readResult(&scanner)
                envelope.result = start..<scanner.offset
            } else if scanner.matches(key, "error_code") {
                envelope.code = try scanner.integer()
            } else if scanner.matches(key, "description"), scanner.peek == UInt8(ascii: "\"") {
                envelope.text = String(scanner.text(try scanner.string()).prefix(300))
            } else if scanner.matches(key, "parameters"), scanner.peek == UInt8(ascii: "{") {
                try envelope.readParameters(&scanner)
            } else {
                try scanner.skipValue()
            }
        }
        try scanner.end()
        self = envelope
    }

    private mutating func readResult(_ scanner: inout JSONScanner) throws(JSONScanner.Malformed) {
        guard scanner.peek == UInt8(ascii: "{") else { return try scanner.skipValue() }
        var found: Int64?
        try scanner.object { (key, scanner) throws(JSONScanner.Malformed) in
            if scanner.matches(key, "message_id") {
                found = try scanner.integer()
            } else {
                try scanner.skipValue()
            }
        }
        messageID = found
    }

    private mutating func readParameters(_ scanner: inout JSONScanner) throws(JSONScanner.Malformed) {
        var envelope = self
        try scanner.object { (key, scanner) throws(JSONScanner.Malformed) in
            if scanner.matches(key, "retry_after") {
                envelope.retryAfter = try scanner.integer()
            } else if scanner.matches(key, "migrate_to_chat_id") {
                envelope.migratedTo = try scanner.integer()
            } else {
                try scanner.skipValue()
            }
        }
        self = envelope
    }

    func error(of response: HTTPResponse) -> TelegramError {
        let status = code.map { Int(truncatingIfNeeded: $0) } ?? response.status
        switch status {
        case 429:
            let told = retryAfter.map { Duration.seconds(max(0, min($0, 86_400))) }
            return .rateLimited(retryAfter: told ?? TelegramReply.retryAfter(response) ?? .seconds(1))
        case 400: return migratedTo.map { .migrated(to: $0) } ?? .badRequest(text)
        case 401: return .unauthorized
        case 403: return .forbidden(text)
        case 404: return .notFound
        case 409: return .conflict(text)
        case 500...599: return .server(status: status)
        default: return .rejected(status: status, text)
        }
    }
}
