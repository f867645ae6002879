import Broker
import FleetControl
import FleetModel
import FleetTesting
import Foundation
import Gateway
import HTTPTransport
import Logging
import Store
import TelegramAPI
import Testing

/// One bot with its queue, its schema and its Telegram, and gateways for it.
struct GatewayFixture: Sendable {
    let bot: BotID
    let database: Database
    let vault: TokenVault
    let simulator: SimulatorProcess
    let telegram: SimulatorProcess.Bot
    let broker: BrokerConfiguration
    let channel: BrokerChannel
    let transport: HTTPTransport
    let keyFile: String

    var queue: String { FleetTopology.intakeQueue(of: bot) }

    /// - Parameter declaring: `false`: the test makes the bot's queue itself.
    static func with(
        declaring: Bool = true, intake: IntakeMode = .polling, amqpURL: String? = nil,
        _ body: (GatewayFixture) async throws -> Void
    ) async throws {
        let keyFile = FileManager.default.temporaryDirectory.appendingPathComponent("key-\(Incarnation())").path
        defer { try? FileManager.default.removeItem(atPath: keyFile) }
        let vault = try TokenVault(file: keyFile, createIfMissing: true)
        let simulator = try await SimulatorProcess.start()
        let telegram = try await simulator.addBot()
        let bot = try #require(BotID("g\(Incarnation())"))
        let shared = ProcessInfo.processInfo.environment["FLEET_AMQP_URL"]
        let url = try #require(amqpURL ?? shared, "FLEET_AMQP_URL is not set")
        let broker = try BrokerConfiguration(url: url, name: "test")
        let transport = try HTTPTransport()
        try await TestDatabase.with { database in
            let spec = BotSpec(id: bot, behaviour: "echo", queue: .classic, intake: intake, apiURL: simulator.url)
            try await database.addBot(spec, token: Secret(telegram.token), vault: vault)
            let connection = try await BrokerConnection.open(broker, logger: TestBroker.logger)
            if declaring { try await connection.openChannel().declareIntake(of: spec) }
            let fixture = GatewayFixture(
                bot: bot, database: database, vault: vault, simulator: simulator, telegram: telegram, broker: broker,
                channel: try await connection.openChannel(), transport: transport, keyFile: keyFile)
            let result: Result<Void, any Error>
            do { result = .success(try await body(fixture)) } catch { result = .failure(error) }
            // The test may have restarted the broker.
            let open =
                connection.isOpen
                ? connection : try await BrokerConnection.open(broker, logger: TestBroker.logger)
            let cleaner = try await open.openChannel()
            try await cleaner.deleteQueue(FleetTopology.intakeQueue(of: bot))
            try await cleaner.deleteQueue(FleetTopology.brokerDeadQueue(of: bot))
            await open.close()
            try result.get()
        }
        await transport.shutdown()
    }

    /// A gateway that runs until the body is over, and has then given everything back.
    func withGateway(
        _ name: String = "gateway", broker: BrokerConfiguration? = nil, ttl: Duration = .seconds(15),
        renewal: Duration = .milliseconds(300), maximumPollers: Int = 100,
        webhooks: WebhookConfiguration? = nil, _ body: (Gateway) async throws -> Void
    ) async throws {
        var configuration = GatewayConfiguration(telegramAPI: simulator.url)
        configuration.leaseTTL = ttl
        configuration.maximumPollers = maximumPollers
        configuration.leaseRenewal = renewal
        configuration.leaseMargin = .milliseconds(500)
        configuration.botRefresh = .milliseconds(100)
        configuration.webhooks = webhooks
        let link = BrokerLink(configuration: broker ?? self.broker, logger: TestBroker.logger)
        let gateway = Gateway(
            configuration, identity: WorkerIdentity(name: name), database: database, vault: vault, broker: link,
            transport: transport, logger: TestBroker.logger)
        let running = Task { await gateway.run() }
        do {
            try await body(gateway)
        } catch {
            running.cancel()
            await running.value
            throw error
        }
        running.cancel()
        await running.value
    }

    func polls(_ gateway: Gateway) async throws -> Bool {
        try await eventually { await gateway.polled == [bot] }
    }

    /// Users speak in turn in `chats` chats; the text is a number that counts up.
    func say(_ numbers: Range<Int>, chats: Int = 5) async throws {
        try await simulator.say(telegram, numbers.map { (chat: Int64(1 + $0 % chats), text: "\($0)") })
    }

    /// Takes `count` messages out of the queue: chat and number.
    func take(_ count: Int) async throws -> [(chat: Int64, number: Int)] {
        var taken: [(chat: Int64, number: Int)] = []
        let isThere = try await eventually {
            while taken.count < count {
                let delivery: Delivery?
                do throws(BrokerError) {
                    delivery = try await channel.get(queue)
                } catch {
                    return false
                }
                guard let delivery else { return false }
                try await channel.ack(AckSet(upTo: delivery.tag))
                #expect(delivery.contentType == "application/json")
                let envelope = try UpdateEnvelope(body: delivery.body)
                taken.append((try #require(envelope.chat), try #require(envelope.text.flatMap { Int($0) })))
            }
            return true
        }
        #expect(isThere, "only \(taken.count) of \(count) arrived")
        return taken
    }

    /// Every number of the range once, and in each chat in order.
    func expectOnceInOrder(_ taken: [(chat: Int64, number: Int)], _ numbers: Range<Int>) {
        #expect(taken.map(\.number).sorted() == Array(numbers))
        for (chat, messages) in Dictionary(grouping: taken, by: \.chat) {
            #expect(messages.map(\.number) == messages.map(\.number).sorted(), "chat \(chat) is out of order")
        }
    }

    /// Updates Telegram still keeps for the bot.
    func pending() async throws -> Int {
        struct Answer: Decodable {
            struct Total: Decodable { let pending: Int }
            let total: Total
        }
        let answer: Answer = try await simulator.get("/sim/counts?bot=\(telegram.id)")
        return answer.total.pending
    }

    /// A client of the bot's API besides the gateway's.
    func client() throws -> TelegramClient {
        TelegramClient(
            token: try #require(BotToken(telegram.token)), baseURL: simulator.url, transport: transport)
    }

    func leaseHolder() async throws -> String? {
        try await database.query(Statement("", "SELECT holder FROM poller_lease")).first?.text(0)
    }

    func startProcess(_ options: [String] = [], environment: [String: String] = [:]) throws -> BuiltProcess {
        let url = ProcessInfo.processInfo.environment["FLEET_DATABASE_URL"] ?? ""
        let schema = database.configuration.schema ?? "public"
        let own = [
            "FLEET_DATABASE_URL": url + (url.contains("?") ? "&" : "?") + "options=-csearch_path%3D\(schema)",
            "FLEET_KEY_FILE": keyFile, "FLEET_TELEGRAM_API": simulator.url,
        ]
        return try BuiltProcess(
            "fleet-gateway", ["--name", "\(bot)"] + options, environment: own.merging(environment) { _, new in new })
    }
}
