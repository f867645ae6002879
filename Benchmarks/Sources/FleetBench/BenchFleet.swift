import Broker
import FleetControl
import FleetModel
import FleetTesting
import Foundation
import Logging
import Store

/// Bots with fresh queues in a fresh schema, for one measurement.
struct BenchFleet {
    let bots: [BotID]
    let database: Database
    let publisher: Publisher
    let connection: BrokerConnection
    let environment: [String: String]

    /// Replies are committed and stay in the outbox.
    static let withoutSending: [String: ConfigValue] = [
        "send.paused": .bool(true), "send.max_unsent": .int(10_000_000),
    ]

    /// - Parameter simulator: where the bots' tokens are known; `nil`: nothing will be sent.
    static func with(
        bots count: Int = 1, lanes: Int = 1, simulator: SimulatorProcess? = nil, config: [String: ConfigValue] = [:],
        _ body: (BenchFleet, [SimulatorProcess.Bot]) async throws -> Void
    ) async throws {
        let keyFile = FileManager.default.temporaryDirectory.appendingPathComponent("key-\(Incarnation())").path
        defer { try? FileManager.default.removeItem(atPath: keyFile) }
        let vault = try TokenVault(file: keyFile, createIfMissing: true)
        let environment = ProcessInfo.processInfo.environment
        guard let amqp = environment["FLEET_AMQP_URL"] else { throw MissingServer(variable: "FLEET_AMQP_URL") }
        guard let url = environment["FLEET_DATABASE_URL"] else { throw MissingServer(variable: "FLEET_DATABASE_URL") }
        let connection = try await BrokerConnection.open(
            BrokerConfiguration(url: amqp, name: "bench"), logger: Logger(label: "bench"))
        try await TestDatabase.with { database in
            var ids: [BotID] = []
            var accounts: [SimulatorProcess.Bot] = []
            var values = config
            values["flood.limits"] = .bool(false)
            _ = try await database.commitConfig(
                ConfigChange(scope: .global, set: values), author: "bench", reason: nil)
            let channel = try await connection.openChannel()
            for number in 0..<count {
                guard let id = BotID("bench\(Incarnation())") else { continue }
                let account = try await simulator?.addBot()
                let spec = BotSpec(id: id, behaviour: "echo", lanes: lanes)
                let token = account?.token ?? "\(number + 1):unused"
                try await database.addBot(spec, token: Secret(token), vault: vault)
                try await channel.declareIntake(of: spec)
                ids.append(id)
                if let account { accounts.append(account) }
            }
            let schema = database.configuration.schema ?? "public"
            let fleet = BenchFleet(
                bots: ids, database: database, publisher: try await Publisher.open(on: connection),
                connection: connection,
                environment: [
                    "FLEET_DATABASE_URL": url + (url.contains("?") ? "&" : "?") + "options=-csearch_path%3D\(schema)",
                    "FLEET_KEY_FILE": keyFile, "FLEET_TELEGRAM_API": simulator?.url ?? "http://127.0.0.1:9",
                    "FLEET_LOG_LEVEL": "warning",
                ])
            let result: Result<Void, any Error>
            do { result = .success(try await body(fleet, accounts)) } catch { result = .failure(error) }
            let cleaner = try await connection.openChannel()
            for id in ids {
                try await cleaner.deleteLanes(LaneLayout(bot: id, lanes: lanes))
                try await cleaner.deleteQueue(FleetTopology.intakeQueue(of: id))
                try await cleaner.deleteQueue(FleetTopology.brokerDeadQueue(of: id))
            }
            try result.get()
        }
        await connection.close()
    }

    // MARK: Processes

    /// - Parameter wrapped: a program and its arguments that run the consumer, such as valgrind.
    func start(_ consumer: Consumer, _ bot: BotID, wrapped: [String] = []) throws -> BuiltProcess {
        try start(consumer, bots: [bot], name: "\(bot)-1", wrapped: wrapped)
    }

    func start(
        _ consumer: Consumer, bots: [BotID], name: String, wrapped: [String] = []
    ) throws -> BuiltProcess {
        let arguments =
            switch consumer {
            case .worker: ["--name", name, "--startup-seconds", "300"] + bots.flatMap { ["--bot", $0.rawValue] }
            case .reference: bots.map(\.rawValue)
            }
        let command = try wrapped + [consumer.executable()] + arguments
        return try BuiltProcess(
            at: URL(fileURLWithPath: command[0]), Array(command.dropFirst()), environment: environment)
    }

    // MARK: Updates

    /// Messages with these ids over `chats` chats, about 300 bytes each, all confirmed on return.
    func fill(_ bot: BotID, ids: ClosedRange<Int64>, chats: Int64) async throws {
        var first = ids.lowerBound
        while first <= ids.upperBound {
            let last = min(first + 999, ids.upperBound)
            let outcomes = try await publisher.publish((first...last).map { Self.publication($0, bot, chats: chats) })
            guard outcomes.allSatisfy({ $0 == .confirmed }) else { throw BenchError("the broker refused updates") }
            first = last + 1
        }
    }

    /// As the gateway publishes it.
    static func publication(_ id: Int64, _ bot: BotID, chats: Int64) -> Publication {
        Publication(
            routingKey: FleetTopology.intakeQueue(of: bot), body: message(id, chat: 1 + id % chats),
            contentType: "application/json",
            headers: [FleetTopology.receivedHeader: .int(Timestamp.now.milliseconds)])
    }

    static func message(_ id: Int64, chat: Int64) -> [UInt8] {
        let json = """
            {"update_id":\(id),"message":{"message_id":\(id),"from":{"id":\(chat),"is_bot":false,"first_name":"Ada",\
            "last_name":"Lovelace","username":"ada","language_code":"en"},"chat":{"id":\(chat),"first_name":"Ada",\
            "last_name":"Lovelace","username":"ada","type":"private"},"date":1700000000,"text":"message \(id)"}}
            """
        return Array(json.utf8)
    }

    // MARK: Progress

    func number(_ sql: String) async throws -> Int64 {
        try await database.query(Statement("", sql)).first?.int64(0) ?? 0
    }

    /// Waits until the bot's inbox holds `count` updates, the last of them with this id.
    func waitSettled(_ bot: BotID, _ count: Int64, last: Int64? = nil) async throws {
        let isDone = try await eventually(within: .seconds(120)) {
            // The last id first: counting is dear, and most of the time it is not there yet.
            let id = last ?? count
            guard try await number("SELECT count(*) FROM inbox WHERE bot_id = '\(bot)' AND update_id = \(id)") == 1
            else { return false }
            return try await number("SELECT count(*) FROM inbox WHERE bot_id = '\(bot)'") == count
        }
        if !isDone { throw BenchError("not all updates were settled within 120 s") }
    }

    func waitSent() async throws {
        let isSent = try await eventually(within: .seconds(120)) {
            try await number("SELECT count(*) FROM outbox") == 0
        }
        if !isSent { throw BenchError("not all replies were sent within 120 s") }
    }

    /// Updates a second by the inbox's own times, which are those of the transactions' beginnings. What the last one
    /// settled lies behind the last moment, so it is not counted.
    func settledPerSecond() async throws -> Double {
        let microseconds = try await number(
            "SELECT (extract(epoch FROM max(settled_at) - min(settled_at)) * 1000000)::bigint FROM inbox")
        let updates = try await number(
            "SELECT count(*) FROM inbox WHERE settled_at < (SELECT max(settled_at) FROM inbox)")
        return Double(updates) * 1_000_000 / Double(microseconds)
    }
}

/// Who does the job.
enum Consumer: String, CaseIterable {
    /// The program in C under Reference/.
    case reference
    case worker

    func executable() throws -> String {
        switch self {
        case .worker: try BuiltProcess.locate("bot-worker").path
        case .reference: try Self.referenceProgram("settle")
        }
    }

    /// `Benchmarks/run` builds them and says where they are.
    static func referenceProgram(_ name: String) throws -> String {
        guard let folder = ProcessInfo.processInfo.environment["FLEET_BENCH_REFERENCE"] else {
            throw BenchError("FLEET_BENCH_REFERENCE is not set; Benchmarks/run builds the references and sets it")
        }
        return "\(folder)/\(name)"
    }
}

struct BenchError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
