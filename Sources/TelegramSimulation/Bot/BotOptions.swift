/// Settings of one simulated bot.
public struct BotOptions: Sendable {
    /// Telegram's published sending limits hold.
    public var enforceLimits = false
    /// Calls may name chats, messages and callback queries that the simulator has never seen. For load whose updates
    /// reach the bot by another way.
    public var acceptUnknown = false
    /// Log entries kept; the oldest go first. About 240 bytes each with a short text.
    public var logCapacity = 1_000_000
    /// Updates that may wait unconfirmed; further ones are refused.
    public var queueCapacity = 250_000
    /// Chats that may exist; further ones are refused.
    public var chatCapacity = 1_000_000

    public init() {}
}

/// Who a simulated bot is.
public struct BotIdentity: Sendable {
    /// The number before the colon of its token, and its user id.
    public let id: Int64
    public let username: String
    public let name: String

    /// Bot API, "User", as in messages.
    let userJSON: [UInt8]

    init(id: Int64, username: String, name: String) {
        self.id = id
        self.username = username
        self.name = name
        var out = JSONWriter()
        Self.writeCommon(id, username, name, to: &out)
        out.raw("}")
        userJSON = out.bytes
    }

    private static func writeCommon(_ id: Int64, _ username: String, _ name: String, to out: inout JSONWriter) {
        out.raw("{")
        out.member("id", id)
        out.member("is_bot", true)
        out.member("first_name", name)
        out.member("username", username)
    }

    /// Bot API, "getMe".
    var meJSON: [UInt8] {
        var out = JSONWriter()
        Self.writeCommon(id, username, name, to: &out)
        out.raw(",\"can_join_groups\":true,\"can_read_all_group_messages\":true,\"supports_inline_queries\":false")
        out.raw(",\"can_connect_to_business\":false,\"has_main_web_app\":false,\"has_topics_enabled\":false")
        out.raw(",\"allows_users_to_create_topics\":false,\"can_manage_bots\":false}")
        return out.bytes
    }
}
