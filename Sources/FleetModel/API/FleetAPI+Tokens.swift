/// `POST /v1/bots/{id}/token`: the bot's new token, after BotFather has revoked the old one.
public struct SetTokenRequest: Sendable, Codable, Equatable {
    /// It goes in, and never comes out again.
    public var token: String

    public init(token: String) { self.token = token }
}
