/// The member of an update that carries its content. Bot API, "Update".
public enum UpdateKind: Hashable, Sendable {
    case message, editedMessage, channelPost, editedChannelPost
    case callbackQuery, inlineQuery, chosenInlineResult
    case preCheckoutQuery, shippingQuery
    case myChatMember, chatMember, chatJoinRequest
    case poll, pollAnswer
    /// A kind this version does not know, or an update without content. It settles without work unless a handler
    /// asks for it.
    case other

    static func named(_ key: JSONScanner.RawString, in scanner: borrowing JSONScanner) -> UpdateKind {
        for (name, kind) in table where scanner.matches(key, name) { return kind }
        return .other
    }

    private static let table: [(StaticString, UpdateKind)] = [
        ("message", .message), ("callback_query", .callbackQuery), ("edited_message", .editedMessage),
        ("channel_post", .channelPost), ("edited_channel_post", .editedChannelPost),
        ("inline_query", .inlineQuery), ("chosen_inline_result", .chosenInlineResult),
        ("pre_checkout_query", .preCheckoutQuery), ("shipping_query", .shippingQuery),
        ("my_chat_member", .myChatMember), ("chat_member", .chatMember), ("chat_join_request", .chatJoinRequest),
        ("poll", .poll), ("poll_answer", .pollAnswer),
    ]
}
