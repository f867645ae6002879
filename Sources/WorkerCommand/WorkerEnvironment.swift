import BotKit
import Broker
import FleetModel
import Glibc
import Logging
import Store
import WorkerRuntime

/// What the environment says; see docs/configuration.md.
enum WorkerEnvironment {
    struct Missing: Error, CustomStringConvertible {
        let name: String
        let hint: String
        var description: String { "\(name) is not set: \(hint)" }
    }

    static func settings(name: String, bots: [BotID]) throws -> WorkerSettings {
        let amqp = try required("FLEET_AMQP_URL", "the address of RabbitMQ, amqp://user:password@host:5672/vhost")
        let database = try required(
            "FLEET_DATABASE_URL",
            "the address of PostgreSQL, postgres://user:password@host/name"
        )
        let key = try required("FLEET_KEY_FILE", "the file with the key that bot tokens are sealed with")
        var broker = try BrokerConfiguration(url: amqp, name: name)
        broker.caFile = value("FLEET_AMQP_CA_FILE")
        var store = try StoreConfiguration(url: database)
        // This process's share of the server's max_connections. A lane has one settlement at a time, and a connection
        // idle for half a minute is given back, so one serves a bot; more bots in a process share four.
        let share = value("FLEET_DATABASE_CONNECTIONS").flatMap { Int($0) }.map { max(1, $0) }
        store.maxConnections = share ?? min(bots.count, 4)
        store.applicationName = name
        return WorkerSettings(
            name: name,
            bots: bots,
            broker: broker,
            database: store,
            vault: try TokenVault(file: key),
            telegramURL: value("FLEET_TELEGRAM_API") ?? "https://api.telegram.org"
        )
    }

    private static func value(_ name: String) -> String? {
        guard let raw = getenv(name), case let text = String(cString: raw), !text.isEmpty else { return nil }
        return text
    }

    private static func required(_ name: String, _ hint: String) throws -> String {
        guard let text = value(name) else { throw Missing(name: name, hint: hint) }
        return text
    }
}
