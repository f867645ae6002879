import FleetModel
import Logging
import Store
import Synchronization
import TelegramAPI

/// Takes what Telegram delivers by webhook: knows the bots' paths and secrets, and answers when the broker has confirmed.
/// HTTP itself is `GatewayHTTP`'s.
///
/// A path is valid from before Telegram hears of it until after it was told to forget it, in every gateway. To take a
/// request is safe at any time in between, whoever polls or called: see docs/decisions/0009-webhooks.md.
public final class WebhookIntake: Sendable {
    public let configuration: WebhookConfiguration
    private let sink: any UpdateSink
    private let counters: GatewayCounters
    private let logger: Logger
    private let state = Mutex(State())

    private struct State {
        var routes: [String: WebhookRoute] = [:]
        /// One a bot that was called.
        var lines: [BotID: WebhookLine] = [:]
        var requests = 0
    }

    init(_ configuration: WebhookConfiguration, sink: any UpdateSink, counters: GatewayCounters, logger: Logger) {
        self.configuration = configuration
        self.sink = sink
        self.counters = counters
        self.logger = logger
    }

    /// From now on these alone are known.
    func update(_ routes: some Sequence<WebhookRoute>) {
        let known = Dictionary(routes.map { ($0.record.path, $0) }, uniquingKeysWith: { first, _ in first })
        let bots = Set(known.values.map(\.bot.id))
        state.withLock { state in
            state.routes = known
            state.lines = state.lines.filter { bots.contains($0.key) }
        }
    }

    /// Returns when the broker has confirmed the update.
    /// - Parameters:
    ///   - path: the request's, as it came.
    ///   - secret: the value of `X-Telegram-Bot-Api-Secret-Token`.
    ///   - body: reads the request's body; asked for only once the sender is known.
    public func take(
        path: Substring, secret: String?, body: () async throws(WebhookRefusal) -> [UInt8]
    ) async throws(WebhookRefusal) {
        do throws(WebhookRefusal) {
            let (bot, line) = try admit(path, secret)
            defer { state.withLock { $0.requests -= 1 } }
            try await take(try await body(), of: bot, line)
        } catch {
            counters.count {
                if error == .unauthorized || error == .unknownPath { $0.requestsForeign += 1 }
                if error == .unavailable { $0.requestsRefused += 1 }
            }
            throw error
        }
    }

    private func admit(_ path: Substring, _ secret: String?) throws(WebhookRefusal) -> (BotSpec, WebhookLine) {
        guard let name = configuration.botPath(in: path), let route = state.withLock({ $0.routes[name] }) else {
            throw .unknownPath
        }
        guard let secret, route.accepts(secret) else { throw .unauthorized }
        let line: WebhookLine? = state.withLock { state in
            guard state.requests < configuration.maximumRequests else { return nil }
            state.requests += 1
            if let line = state.lines[route.bot.id] { return line }
            let line = WebhookLine(sink: sink, counters: counters, logger: logger)
            state.lines[route.bot.id] = line
            return line
        }
        guard let line else { throw .unavailable }
        return (route.bot, line)
    }

    private func take(_ body: [UInt8], of bot: BotSpec, _ line: WebhookLine) async throws(WebhookRefusal) {
        if body.isEmpty { throw .badRequest }
        counters.count { $0.updatesReceived += 1 }
        // Its id is the worker's to read; what cannot be read at all is the worker's to dead-letter.
        let update = PendingUpdate(ReceivedUpdate(id: 0, body: body))
        guard await line.take(update, of: bot, within: configuration.answerDeadline) else { throw .unavailable }
        counters.count { $0.requestsTaken += 1 }
    }
}
