/// A chat. Bot API, "Chat".
public struct Chat: Codable, Sendable, Equatable {
    public var id: Int64
    /// `private`, `group`, `supergroup` or `channel`.
    public var type: String
    public var title: String?
    public var username: String?

    public init(id: Int64, type: String, title: String? = nil, username: String? = nil) {
        self.id = id
        self.type = type
        self.title = title
        self.username = username
    }
}

/// A message. Bot API, "Message".
public struct Message: Codable, Sendable, Equatable {
    public var messageID: Int64
    /// Seconds since 1970; 0 for a message that cannot be read any more.
    public var date: Int64
    public var chat: Chat
    public var from: User?
    public var text: String?
    public var caption: String?

    public init(
        messageID: Int64,
        date: Int64,
        chat: Chat,
        from: User? = nil,
        text: String? = nil,
        caption: String? = nil
    ) {
        self.messageID = messageID
        self.date = date
        self.chat = chat
        self.from = from
        self.text = text
        self.caption = caption
    }

    enum CodingKeys: String, CodingKey {
        case messageID = "message_id"
        case date, chat, from, text, caption
    }
}
