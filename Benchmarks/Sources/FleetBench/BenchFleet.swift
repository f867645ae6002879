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

    /// - Parameter simulator: where the bots' tokens are known; `nil`: nothing will be sent.
    static func with(
        bots count: Int = 1, simulator: SimulatorProcess? = nil, config: [String: ConfigValue] = [:],
        _ body: (BenchFleet, [SimulatorProcess.Bot]) async throws -> Void
    ) async throws {
        let keyFile = FileManager.default.temporaryDirectory.appendingPathComponent("key-\(Incarnation())").path
        defer { try? FileManager.default.removeItem(atPath: keyFile) }
        let vault = try TokenVault(file: keyFile, createIfMissing: true)
        let environment = ProcessInfo.processInfo.environment
        guard let amqp = environment["FLEET_AMQP_URL"] else { throw MissingServer(variable: "FLEET_AMQP_URL") }
        guard let url = environment["FLEET_DATABASE_URL"] else { throw MissingServer(variable: "FLEET_DATABASE_URL") }
        let logger = Logger(label: "bench")
        let connection = try await BrokerConnection.open(
            BrokerConfiguration(url: amqp, name: "bench"), logger: logger)
        try await TestDatabase.with { database in
            var ids: [BotID] = []
            var accounts: [SimulatorProcess.Bot] = []
            var values = config
            values["flood.limits"] = .bool(false)
            _ = try await database.commitConfig(
                ConfigChange(scope: .global, set: values), author: "bench", reason: nil)
            let channel = try await connection.openChannel()
            for _ in 0..<count {
                guard let id = BotID("bench\(Incarnation())") else { continue }
                let account = try await simulator?.addBot()
                let spec = BotSpec(id: id, behaviour: "echo")
                try await database.addBot(spec, token: Secret(account?.token ?? "1:unused"), vault: vault)
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
                try await cleaner.deleteQueue(FleetTopology.intakeQueue(of: id))
                try await cleaner.deleteQueue(FleetTopology.brokerDeadQueue(of: id))
            }
            try result.get()
        }
        await connection.close()
    }

    func startWorker(_ bot: BotID) throws -> BuiltProcess {
        try BuiltProcess("bot-worker", ["--name", "\(bot)-1", "--bot", bot.rawValue], environment: environment)
    }

    /// Messages with ids 1...count over `chats` chats, about 300 bytes each, all confirmed on return.
    func fill(_ bot: BotID, count: Int64, chats: Int64) async throws {
        var first: Int64 = 1
        while first <= count {
            let last = min(first + 999, count)
            let batch = (first...last).map { id in
                Publication(
                    routingKey: FleetTopology.intakeQueue(of: bot), body: Self.message(id, chat: 1 + id % chats),
                    contentType: "application/json")
            }
            let outcomes = try await publisher.publish(batch)
            guard outcomes.allSatisfy({ $0 == .confirmed }) else { throw BenchError("the broker refused updates") }
            first = last + 1
        }
    }

    static func message(_ id: Int64, chat: Int64) -> [UInt8] {
        let json = """
            {"update_id":\(id),"message":{"message_id":\(id),"from":{"id":\(chat),"is_bot":false,"first_name":"Ada",\
            "last_name":"Lovelace","username":"ada","language_code":"en"},"chat":{"id":\(chat),"first_name":"Ada",\
            "last_name":"Lovelace","username":"ada","type":"private"},"date":1700000000,"text":"message \(id)"}}
            """
        return Array(json.utf8)
    }

    func number(_ sql: String) async throws -> Int64 {
        try await database.query(Statement("", sql)).first?.int64(0) ?? 0
    }

    /// Waits until the bot's inbox holds `count` updates.
    func waitSettled(_ bot: BotID, _ count: Int64) async throws {
        let isDone = try await eventually(within: .seconds(300)) {
            // The last id first: counting is dear, and most of the time it is not there yet.
            guard try await number("SELECT count(*) FROM inbox WHERE bot_id = '\(bot)' AND update_id = \(count)") == 1
            else { return false }
            return try await number("SELECT count(*) FROM inbox WHERE bot_id = '\(bot)'") == count
        }
        if !isDone { throw BenchError("not all updates were settled within 300 s") }
    }
}

struct BenchError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
