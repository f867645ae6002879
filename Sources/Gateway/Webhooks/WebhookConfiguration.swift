/// Settings of the webhooks a gateway takes.
public struct WebhookConfiguration: Sendable {
    /// What Telegram calls: `https://host/prefix`, without a slash at its end. A bot's own path is put behind it.
    public let publicURL: String
    /// The path of ``publicURL``: empty, or `/prefix`.
    let prefix: String
    /// Requests that Telegram may have open at a time for one bot, 1...100. With more than one, updates of a chat can
    /// arrive in another order than they happened.
    public var connections = 1
    /// Requests that are being read or wait for their confirm; a further one is answered 503.
    public var maximumRequests = 256
    /// Bytes of a request's body. Telegram's updates stay far below.
    public var bodyLimit = 1 << 20
    /// For a request's body to arrive.
    public var readDeadline: Duration = .seconds(10)
    /// For the broker to confirm; shorter than what Telegram and proxies wait.
    public var answerDeadline: Duration = .seconds(10)
    /// How often Telegram is asked whether it still calls us.
    public var checkInterval: Duration = .seconds(60)

    /// - Parameter publicURL: `http` or `https`, a host, perhaps a port and a path; `nil` for anything else.
    public init?(publicURL: String) {
        var url = publicURL
        while url.hasSuffix("/") { url.removeLast() }
        guard let scheme = ["https://", "http://"].first(where: { url.hasPrefix($0) }) else { return nil }
        let rest = url.dropFirst(scheme.count)
        guard let first = rest.utf8.first, first != UInt8(ascii: "/"), first != UInt8(ascii: ":"),
            rest.utf8.allSatisfy({ 33...126 ~= $0 && !Self.forbidden.contains($0) })
        else { return nil }
        self.publicURL = url
        prefix = rest.firstIndex(of: "/").map { String(rest[$0...]) } ?? ""
    }

    /// No user, no query, no fragment.
    private static let forbidden = Array("@?#\"<>\\^`{|}".utf8)

    /// Where Telegram calls for the bot with this path.
    func url(of path: String) -> String { "\(publicURL)/\(path)" }

    /// The bot's path in a request's: behind the prefix, or alone where a proxy takes the prefix away.
    func botPath(in path: Substring) -> String? {
        let rest = path.hasPrefix(prefix + "/") ? path.dropFirst(prefix.count) : path
        guard rest.first == "/" else { return nil }
        let name = rest.dropFirst()
        return name.isEmpty || name.contains("/") ? nil : String(name)
    }
}
