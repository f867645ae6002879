import ArgumentParser
import Gateway
import Glibc

/// Where webhooks come in. An option wins over its environment variable.
struct WebhookOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Take webhooks here, by plain HTTP: a proxy in front speaks TLS. [FLEET_WEBHOOK_LISTEN]",
            valueName: "host:port"))
    var webhookListen: String?

    @Option(
        help: ArgumentHelp(
            "What Telegram calls: https://host/prefix, which the proxy passes on to here. [FLEET_WEBHOOK_URL]",
            valueName: "url"))
    var webhookURL: String?

    @Option(
        help: ArgumentHelp(
            """
            Requests Telegram may have open for a bot, 1 to 100. More than 1 gives up the order of a chat's updates. \
            [FLEET_WEBHOOK_CONNECTIONS]
            """, valueName: "n"))
    var webhookConnections: Int?

    struct Place: Sendable {
        let configuration: WebhookConfiguration
        let host: String
        let port: Int
    }

    /// - Returns: `nil` when nobody asked for webhooks.
    func place() throws -> Place? {
        let listen = webhookListen ?? Self.value("FLEET_WEBHOOK_LISTEN")
        let url = webhookURL ?? Self.value("FLEET_WEBHOOK_URL")
        if listen == nil, url == nil { return nil }
        guard let listen, let url else {
            throw ValidationError("--webhook-listen and --webhook-url belong together; give both or neither")
        }
        guard let colon = listen.lastIndex(of: ":"), let port = UInt16(listen[listen.index(after: colon)...]) else {
            throw ValidationError("--webhook-listen \(listen): expected HOST:PORT")
        }
        guard var configuration = WebhookConfiguration(publicURL: url) else {
            throw ValidationError("--webhook-url: expected https://HOST or https://HOST/PREFIX")
        }
        if let connections = try webhookConnections ?? Self.number("FLEET_WEBHOOK_CONNECTIONS") {
            guard 1...100 ~= connections else { throw ValidationError("--webhook-connections takes 1 to 100") }
            configuration.connections = connections
        }
        let host = listen[..<colon].drop { $0 == "[" }.prefix { $0 != "]" }
        return Place(configuration: configuration, host: host.isEmpty ? "0.0.0.0" : String(host), port: Int(port))
    }

    private static func number(_ name: String) throws -> Int? {
        guard let text = value(name) else { return nil }
        guard let number = Int(text) else { throw ValidationError("\(name): expected a number") }
        return number
    }

    private static func value(_ name: String) -> String? {
        guard let raw = getenv(name), case let text = String(cString: raw), !text.isEmpty else { return nil }
        return text
    }
}
