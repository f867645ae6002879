import FleetModel

/// An update out of an answer to `getUpdates`.
public struct ReceivedUpdate: Sendable, Equatable {
    /// `update_id`
    public let id: Int64
    /// The update's JSON, byte for byte as it stood in the answer.
    public let body: [UInt8]

    public init(id: Int64, body: [UInt8]) {
        self.id = id
        self.body = body
    }

    /// The updates of a reply to `getUpdates`, in the order of the answer.
    /// - Throws: `.malformedReply` when the result is no array of objects with an `update_id`.
    static func all(in reply: TelegramReply) throws(TelegramError) -> [ReceivedUpdate] {
        var updates: [ReceivedUpdate] = []
        var isComplete = true
        do throws(JSONScanner.Malformed) {
            try reply.body.withUnsafeBufferPointer { (bytes) throws(JSONScanner.Malformed) in
                var scanner = JSONScanner(UnsafeBufferPointer(rebasing: bytes[reply.resultRange]))
                try scanner.array { (scanner) throws(JSONScanner.Malformed) in
                    let start = scanner.offset
                    var id: Int64?
                    try scanner.object { (key, scanner) throws(JSONScanner.Malformed) in
                        if scanner.matches(key, "update_id") {
                            id = try scanner.integer()
                        } else {
                            try scanner.skipValue()
                        }
                    }
                    let range = reply.resultRange.lowerBound + start..<reply.resultRange.lowerBound + scanner.offset
                    guard let id else { return isComplete = false }
                    updates.append(ReceivedUpdate(id: id, body: Array(bytes[range])))
                }
            }
        } catch {
            throw .malformedReply(status: 200)
        }
        guard isComplete else { throw .malformedReply(status: 200) }
        return updates
    }
}

/// The kinds of updates there are, for `allowed_updates`: without the list Telegram holds back `chat_member`,
/// `message_reaction` and `message_reaction_count`. Bot API 10.3, "Update".
public enum AllowedUpdates {
    public static let all = [
        "message", "edited_message", "channel_post", "edited_channel_post", "business_connection",
        "business_message", "edited_business_message", "deleted_business_messages", "guest_message",
        "message_reaction", "message_reaction_count", "inline_query", "chosen_inline_result", "callback_query",
        "shipping_query", "pre_checkout_query", "purchased_paid_media", "poll", "poll_answer", "my_chat_member",
        "chat_member", "chat_join_request", "chat_boost", "removed_chat_boost", "managed_bot", "subscription",
        "stopped_message_generation",
    ]
}
