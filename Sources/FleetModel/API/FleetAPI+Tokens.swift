/// `POST /v1/bots/{id}/token`: the bot's new token, after BotFather has revoked the old one.
public struct SetTokenRequest: Sendable, Codable, Equatable {
    /// It goes in, and never comes out again.
    public var token: String
    /// As in ``AddBotRequest``.
    public var check: Bool?

    public init(token: String, check: Bool? = nil) {
        self.token = token
        self.check = check
    }
}
