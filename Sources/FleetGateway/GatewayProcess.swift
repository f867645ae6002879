import Broker
import FleetControl
import FleetModel
import Gateway
import Glibc
import HTTPTransport
import Logging
import ServiceLifecycle
import Store
import TelegramAPI

/// The gateway with what it stands on, built from the environment.
struct GatewayProcess: Service {
    private let gateway: Gateway
    private let link: BrokerLink
    private let database: Database
    private let transport: HTTPTransport
    private let place: String
    private let startup: Duration

    /// For the server that takes them.
    var webhooks: WebhookIntake? { gateway.webhooks }

    struct Missing: Error, CustomStringConvertible {
        let name: String
        let hint: String
        var description: String { "\(name) is not set: \(hint)" }
    }

    /// - Parameter startup: how long RabbitMQ may be away at the start.
    init(
        name: String, maximumPollers: Int, webhooks: WebhookConfiguration?, startup: Duration, logger: Logger
    ) throws {
        let amqp = try Self.required("FLEET_AMQP_URL", "the address of RabbitMQ, amqp://user:password@host:5672/vhost")
        let url = try Self.required(
            "FLEET_DATABASE_URL", "the address of PostgreSQL, postgres://user:password@host/name")
        let key = try Self.required("FLEET_KEY_FILE", "the file with the key that bot tokens are sealed with")
        var configuration = GatewayConfiguration(
            telegramAPI: Self.value("FLEET_TELEGRAM_API") ?? TelegramClient.defaultBaseURL)
        configuration.maximumPollers = maximumPollers
        configuration.webhooks = webhooks

        var broker = try BrokerConfiguration(url: amqp, name: name)
        broker.caFile = Self.value("FLEET_AMQP_CA_FILE")
        place = "\(broker.host):\(broker.port)"
        self.startup = startup
        var store = try StoreConfiguration(url: url)
        store.maxConnections = 2
        store.applicationName = name
        let vault = try TokenVault(file: key)
        Self.raiseDescriptorLimit()

        var http = HTTPConfiguration()
        http.caFile = Self.value("FLEET_TELEGRAM_CA_FILE")
        // A poll is open nearly all the time; some more for what else a bot needs.
        http.maximumTransfers = maximumPollers + 32
        http.maximumConnectionsPerHost = maximumPollers + 32
        transport = try HTTPTransport(http)
        database = try Database(store, logger: logger)
        link = BrokerLink(configuration: broker, logger: logger)
        gateway = Gateway(
            configuration, identity: WorkerIdentity(name: name), database: database, vault: vault, broker: link,
            transport: transport, logger: logger)
    }

    func run() async throws {
        // A wrong password or a server that is not there is said now, in one line, and ends the process.
        do {
            _ = try await database.query(Statement("", "SELECT 1"))
            try await connect()
            await cancelWhenGracefulShutdown { [gateway] in await gateway.run() }
        } catch let error as BrokerError where error.code == .cancelled {
            // Told to stop before anything began.
            await close()
            return
        } catch {
            await close()
            throw error
        }
        await close()
    }

    /// A broker that is starting is waited for; later losses are waited out by the link.
    private func connect() async throws {
        let what = "RabbitMQ at \(place) was not reached within \(startup); is it running?"
        try await cancelWhenGracefulShutdown { [link, startup] in
            try await withDeadline(startup, what) { () async throws(BrokerError) in
                _ = try await link.connection()
            }
        }
    }

    private func close() async {
        await link.close()
        await transport.shutdown()
        await database.shutdown()
    }

    private static func value(_ name: String) -> String? {
        guard let raw = getenv(name), case let text = String(cString: raw), !text.isEmpty else { return nil }
        return text
    }

    private static func required(_ name: String, _ hint: String) throws -> String {
        guard let text = value(name) else { throw Missing(name: name, hint: hint) }
        return text
    }

    /// Over plain HTTP each poll is a socket, and the usual soft limit is 1024.
    private static func raiseDescriptorLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}
