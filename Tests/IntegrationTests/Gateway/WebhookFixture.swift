import Broker
import FleetControl
import FleetModel
import FleetTesting
import Foundation
import Gateway
import GatewayHTTP
import HTTPTransport
import Store
import Synchronization
import TelegramAPI
import Testing

/// What stands in front of gateways that take webhooks: one public address, and whoever listens behind it.
final class WebhookFront: Sendable {
    private let relay: TCPRelay
    private let ports = Mutex<[Int]>([])

    init() throws { relay = try TCPRelay() }

    var url: String { "http://127.0.0.1:\(relay.port)/hooks" }

    func add(_ port: Int) {
        ports.withLock { $0.append(port) }
        forward()
    }

    func remove(_ port: Int) {
        ports.withLock { ports in ports.removeAll { $0 == port } }
        forward()
    }

    /// Ends all connections.
    func cut() { relay.cut() }

    func only(_ port: Int) {
        ports.withLock { $0 = [port] }
        forward()
    }

    private func forward() { relay.forward(to: ports.withLock { $0 }.map { ("127.0.0.1", $0) }) }
}

extension GatewayFixture {
    /// A gateway with its HTTP server behind `front`, until the body is over.
    func withWebhooks(
        _ front: WebhookFront, _ name: String = "gateway", broker: BrokerConfiguration? = nil,
        ttl: Duration = .seconds(15),
        _ change: (inout WebhookConfiguration) -> Void = { _ in }, _ body: (Gateway) async throws -> Void
    ) async throws {
        var configuration = try #require(WebhookConfiguration(publicURL: front.url))
        configuration.checkInterval = .milliseconds(200)
        configuration.answerDeadline = .seconds(3)
        change(&configuration)
        try await withGateway(name, broker: broker, ttl: ttl, webhooks: configuration) { gateway in
            let intake = try #require(gateway.webhooks)
            let (ports, listening) = AsyncStream.makeStream(of: Int.self)
            let server = WebhookServer(intake, host: "127.0.0.1", port: 0, logger: TestBroker.logger) {
                listening.yield($0)
            }
            let running = Task { try await server.run() }
            let port = try #require(await ports.first { _ in true })
            front.add(port)
            let result: Result<Void, any Error>
            do { result = .success(try await body(gateway)) } catch { result = .failure(error) }
            front.remove(port)
            running.cancel()
            _ = await running.result
            try result.get()
        }
    }

    func isHooked(_ gateway: Gateway) async throws -> Bool {
        try await eventually {
            guard await gateway.hooked == [bot] else { return false }
            return try await webhookURL() != ""
        }
    }

    /// What Telegram calls; empty when the bot has no webhook.
    func webhookURL() async throws -> String { try await client().webhookInfo().url }

    /// The first copies of `count` updates. Copies may come where Telegram did not hear that one was taken.
    /// - Parameters:
    ///   - count: all in all, those taken before included.
    ///   - before: taken already.
    /// - Returns: those not taken before.
    func takeFirstCopies(
        _ count: Int, after before: [(chat: Int64, number: Int)] = []
    ) async throws -> [(chat: Int64, number: Int)] {
        var taken: [(chat: Int64, number: Int)] = []
        var seen = Set(before.map(\.number))
        while seen.count < count {
            let next = try await take(1)
            if next.isEmpty { break }
            taken += next.filter { seen.insert($0.number).inserted }
        }
        return taken
    }

    /// Polls that Telegram refused because a webhook was set: somebody read twice.
    func refusedPolls() async throws -> Int {
        struct Answer: Decodable {
            struct Total: Decodable { let refused: [String: Int] }
            let total: Total
        }
        let answer: Answer = try await simulator.get("/sim/counts?bot=\(telegram.id)")
        return answer.total.refused["getUpdates"] ?? 0
    }

    /// A request as Telegram makes it, with what a test wants to be different.
    func call(
        _ url: String, method: HTTPMethod = .post, secret: String?, type: String? = "application/json",
        body: [UInt8] = Array(#"{"update_id":1}"#.utf8)
    ) async throws -> Int {
        var headers: [HTTPField] = []
        if let type { headers.append(HTTPField("Content-Type", type)) }
        if let secret { headers.append(HTTPField("X-Telegram-Bot-Api-Secret-Token", secret)) }
        let request = HTTPRequest(method: method, url: url, headers: headers, body: method == .get ? [] : body)
        let response = try await transport.send(request)
        if response.status == 503 { #expect(response.headers["retry-after"] == "2") }
        return response.status
    }

    /// The secret that Telegram was given.
    func secret() async throws -> String {
        let record = try #require(try await database.bot(bot)?.webhook)
        return try vault.open(record.sealedSecret, for: bot, as: .webhookSecret).reveal()
    }

    /// The same with another channel, after a restart of the broker.
    func with(_ channel: BrokerChannel) -> GatewayFixture {
        GatewayFixture(
            bot: bot, database: database, vault: vault, simulator: simulator, telegram: telegram, broker: broker,
            channel: channel, transport: transport, keyFile: keyFile)
    }

    func intakeCondition() async throws -> IntakeState.Condition? { try await database.intakeStates()[bot]?.condition }
}
