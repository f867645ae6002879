/// An update as it waits in a queue: its JSON as Telegram sent it, and the few fields that routing needs.
///
/// Only these are read before a handler asks for more; the rest of the body is checked for form and left alone.
public struct UpdateEnvelope: Sendable {
    public let body: [UInt8]
    /// `update_id`: the key of the inbox, unique per bot.
    public let id: Int64
    public let kind: UpdateKind
    /// The chat it happened in; `nil` for inline queries, polls and the like.
    public let chat: Int64?
    /// Telegram's `chat.type` is `group` or `supergroup`.
    public let isGroup: Bool
    /// Money is involved: a pre-checkout or shipping query, or a message that says that something was paid.
    public let isPayment: Bool
    /// The user who caused it.
    public let user: Int64?
    /// The message it is, or belongs to.
    public let message: Int64?
    private let textRange: Field
    private let queryRange: Field
    private let dataRange: Field

    /// What must stay in order, and what a session belongs to: the chat, else the user, else 0 for all the rest.
    public var conversation: Int64 { chat ?? user ?? 0 }

    /// The text or caption of a message, decoded at each call.
    public var text: String? { string(textRange) }
    /// The id of a callback, inline, shipping or pre-checkout query.
    public var queryID: String? { string(queryRange) }
    /// The data of a callback query.
    public var callbackData: String? { string(dataRange) }

    /// Where a string stands in the body; empty with a negative start when it is absent.
    struct Field: Sendable {
        var start: Int32 = -1
        var count: Int32 = 0
        var hasEscapes = false
    }

    private func string(_ field: Field) -> String? {
        guard field.start >= 0 else { return nil }
        return body.withUnsafeBufferPointer { bytes in
            let range = Int(field.start)..<Int(field.start + field.count)
            return JSONScanner(bytes).text(JSONScanner.RawString(range: range, hasEscapes: field.hasEscapes))
        }
    }

    /// Reads the routing fields.
    /// - Throws: ``UpdateError`` for what can never be handled: text that is no JSON, no object, or has no `update_id`.
    public init(body: [UInt8]) throws(UpdateError) {
        if body.isEmpty { throw .empty }
        if body.count > Self.maximumSize { throw .tooLarge(body.count) }
        var head = Head()
        do throws(JSONScanner.Malformed) {
            try body.withUnsafeBufferPointer { (bytes) throws(JSONScanner.Malformed) in
                var scanner = JSONScanner(bytes)
                try head.read(&scanner)
            }
        } catch {
            throw .malformed(error)
        }
        guard let id = head.id else { throw .noUpdateID }
        self.body = body
        self.id = id
        kind = head.kind
        chat = head.chat
        isGroup = head.isGroup
        isPayment = head.isPaid || head.kind == .preCheckoutQuery || head.kind == .shippingQuery
        user = head.user
        message = head.message
        textRange = head.text
        queryRange = head.query
        dataRange = head.data
    }

    /// Larger bodies are dead-lettered. Telegram's updates stay far below.
    public static let maximumSize = 16 << 20
}

/// Why a body can never be handled.
public enum UpdateError: Error, Equatable, CustomStringConvertible {
    case empty
    case tooLarge(Int)
    case malformed(JSONScanner.Malformed)
    case noUpdateID

    public var description: String {
        switch self {
        case .empty: "the body is empty"
        case .tooLarge(let bytes): "the body has \(bytes) bytes; at most \(UpdateEnvelope.maximumSize) are taken"
        case .malformed(let error): error.description
        case .noUpdateID: "the update has no update_id"
        }
    }
}
