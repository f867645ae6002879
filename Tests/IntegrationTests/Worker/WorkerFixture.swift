import Broker
import FleetControl
import FleetModel
import FleetTesting
import Foundation
import Logging
import Store
import Testing

/// One bot with its queue, its schema and its Telegram, and workers for it that are real processes.
struct WorkerFixture: Sendable {
    let bot: BotID
    let spec: BotSpec
    let database: Database
    let simulator: SimulatorProcess
    let telegram: SimulatorProcess.Bot
    let link: BrokerLink
    let environment: [String: String]

    /// Runs `body` with a bot of the `echo` behaviour, then removes what it made.
    /// - Parameter servers: `nil`: those the environment names.
    static func with(
        servers: PrivateServers? = nil,
        behaviour: String = "echo", lanes: Int = 1, config: [String: ConfigValue] = [:],
        _ body: (WorkerFixture) async throws -> Void
    ) async throws {
        let keyFile = FileManager.default.temporaryDirectory.appendingPathComponent("key-\(Incarnation())").path
        defer { try? FileManager.default.removeItem(atPath: keyFile) }
        let vault = try TokenVault(file: keyFile, createIfMissing: true)
        let simulator = try await SimulatorProcess.start()
        let telegram = try await simulator.addBot()
        let bot = try #require(BotID("t\(Incarnation())"))
        var values = config
        values["flood.limits"] = .bool(false)
        try await TestDatabase.with(url: servers?.databaseURL) { database in
            let spec = BotSpec(id: bot, behaviour: behaviour, lanes: lanes)
            try await database.addBot(spec, token: Secret(telegram.token), vault: vault)
            _ = try await database.commitConfig(
                ConfigChange(scope: .global, set: values), author: "test", reason: nil)
            let url = try servers?.amqpURL ?? environment("FLEET_AMQP_URL")
            let link = BrokerLink(
                configuration: try BrokerConfiguration(url: url, name: "test"), logger: Logger(label: "test"))
            try await link.connection().openChannel().declareIntake(of: spec)
            let schema = database.configuration.schema ?? "public"
            let fixture = WorkerFixture(
                bot: bot, spec: spec, database: database, simulator: simulator, telegram: telegram, link: link,
                environment: [
                    "FLEET_AMQP_URL": url,
                    "FLEET_DATABASE_URL": withSchema(
                        try servers?.databaseURL ?? environment("FLEET_DATABASE_URL"), schema),
                    "FLEET_KEY_FILE": keyFile, "FLEET_TELEGRAM_API": simulator.url, "FLEET_LOG_LEVEL": "debug",
                ])
            let result: Result<Void, any Error>
            do { result = .success(try await body(fixture)) } catch { result = .failure(error) }
            let cleaner = try await link.connection().openChannel()
            if let layout = try? await database.laneLayout(of: bot) { try await cleaner.deleteLanes(layout) }
            try await cleaner.deleteQueue(FleetTopology.intakeQueue(of: bot))
            try await cleaner.deleteQueue(FleetTopology.brokerDeadQueue(of: bot))
            await link.close()
            try result.get()
        }
    }

    private static func environment(_ name: String) throws -> String {
        try #require(ProcessInfo.processInfo.environment[name], "\(name) is not set; tests against servers need it")
    }

    /// The server's URL with the test's schema as search path, as another process understands it.
    private static func withSchema(_ url: String, _ schema: String) -> String {
        url + (url.contains("?") ? "&" : "?") + "options=-csearch_path%3D\(schema)"
    }

    /// - Parameter program: `TroubleWorker` for the behaviour `trouble`.
    func startWorker(_ name: String = "w", program: String = "bot-worker") async throws -> BuiltProcess {
        let worker = try BuiltProcess(
            program, ["--name", "\(bot)-\(name)", "--bot", bot.rawValue], environment: environment)
        return worker
    }

    func inject(_ bodies: [[UInt8]], headers: [String: AMQPValue] = [:]) async throws {
        let publisher = try await Publisher.open(on: link.connection())
        let outcomes = try await publisher.publish(
            bodies.map {
                Publication(
                    routingKey: FleetTopology.intakeQueue(of: bot), body: $0, contentType: "application/json",
                    headers: headers)
            })
        #expect(outcomes.allSatisfy { $0 == .confirmed })
        await publisher.close()
    }

    /// `count` messages with consecutive ids from `first`, spread over `chats` chats (1, 2, …); the text is the id.
    func inject(first: Int64 = 1, count: Int64, chats: Int64) async throws {
        try await inject((first..<first + count).map { Self.message($0, chat: 1 + $0 % chats) })
    }

    static func message(_ id: Int64, chat: Int64, text: String? = nil) -> [UInt8] {
        let json = """
            {"update_id":\(id),"message":{"message_id":\(id),"date":1700000000,"chat":{"id":\(chat),"type":"private"},\
            "from":{"id":\(chat),"is_bot":false,"first_name":"U"},"text":"\(text ?? String(id))"}}
            """
        return Array(json.utf8)
    }

    /// Waits until inbox holds `count` updates and nothing waits to be sent.
    func settles(_ count: Int64, within deadline: Duration = .seconds(60)) async throws -> Bool {
        try await eventually(within: deadline) {
            let settled = try await scalar("SELECT count(*) FROM inbox")
            let unsent = try await scalar("SELECT count(*) FROM outbox")
            return settled == count && unsent == 0
        }
    }

    func scalar(_ sql: String) async throws -> Int64 {
        try await database.query(Statement("", sql)).first?.int64(0) ?? -1
    }

    /// Checks that every id was handled once, in order in its chat, and answered; `repeats` copies at the most.
    /// - Parameter dead: those that had to be dead-lettered instead.
    func expectExactlyOnce(
        _ ids: ClosedRange<Int64>, chats: Int64, repeats: Int = 0, dead: Set<Int64> = []
    ) async throws {
        let ids = Set(ids).subtracting(dead)
        #expect(try await scalar("SELECT count(*) FROM inbox WHERE outcome = 1") == Int64(ids.count))
        #expect(try await scalar("SELECT count(*) FROM inbox WHERE outcome = 2") == Int64(dead.count))
        #expect(try await scalar("SELECT count(*) FROM waiting") == 0)
        let counted = "SELECT sum((convert_from(state, 'UTF8')::json->>'count')::bigint)::bigint FROM session"
        #expect(try await scalar(counted) == Int64(ids.count))
        let sent = try await simulator.sent(telegram)
        var order: [Int64: [Int64]] = [:]
        var copies = 0
        for (chat, text) in sent {
            guard let id = text.split(separator: " ").last.flatMap({ Int64($0) }) else { continue }
            if order[chat]?.contains(id) == true { copies += 1 } else { order[chat, default: []].append(id) }
        }
        #expect(order.values.reduce(0) { $0 + $1.count } == ids.count, "every update is answered")
        for (chat, list) in order { #expect(list == list.sorted(), "chat \(chat) was answered out of order") }
        #expect(copies <= repeats, "\(copies) answers went out twice")
    }
}
