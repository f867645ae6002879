import ArgumentParser
import Broker
import Coordinator
import FleetLogging
import Glibc
import Logging
import Store
import UnixSignals

@main struct Main: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fleet-coordinator",
        abstract: "Steers the fleet: control API, config broadcasts, roster, supervision of local processes.",
        discussion: """
            It reads FLEET_AMQP_URL, FLEET_AMQP_CA_FILE, FLEET_DATABASE_URL, FLEET_KEY_FILE, FLEET_TELEGRAM_API and \
            FLEET_LOG_LEVEL from the environment and logs to standard error. Supervised processes inherit its environment and go on when it \
            ends, unless --stop-children is given. Stopping a bot also drains workers that something else supervises; \
            whatever started them must not start them again after their exit with status 0.
            """
    )

    @Option(help: "Where the API listens.")
    var listen = "127.0.0.1:8900"
    @Flag(help: "Keep one worker a bot, and the gateways, running on this machine.")
    var supervise = false
    @Option(help: "Path of bot-worker; it is looked for beside this binary.")
    var workerBinary: String?
    @Option(
        name: .customLong("behaviour"), help: "A behaviour of a worker binary of your own; several times for several.")
    var behaviours: [String] = []
    @Option(help: "Path of fleet-gateway; it is looked for beside this binary.")
    var gatewayBinary: String?
    @Option(help: "How many gateways to run; 0 for none.")
    var gateways = 1
    @Flag(help: "Stop the supervised processes when the coordinator is stopped.")
    var stopChildren = false
    @Option(help: "Directory of logs and the lock.")
    var stateDir = ".fleet/coordinator"
    @Option(
        help: "File of the API's bearer token, written at the first start. Default: api-token in the state directory.")
    var tokenFile: String?
    @Option(help: "File of the key that seals bot tokens. Default: FLEET_KEY_FILE, or key in the state directory.")
    var keyFile: String?
    @Option(help: "Days that ids of settled updates are kept, 2 to 3650; a later copy takes effect again.")
    var inboxDays = 7
    @Option(help: "Seconds that RabbitMQ and PostgreSQL may be away at the start.")
    var startupTimeout = 30

    mutating func validate() throws {
        guard address != nil else { throw ValidationError("--listen: expected HOST:PORT, got '\(listen)'") }
        guard (0...64).contains(gateways) else { throw ValidationError("--gateways: expected 0 to 64") }
        guard (2...3650).contains(inboxDays) else { throw ValidationError("--inbox-days: expected 2 to 3650") }
        guard (0...3600).contains(startupTimeout) else {
            throw ValidationError("--startup-timeout: expected 0 to 3600")
        }
    }

    func run() async throws {
        let logger = FleetLogHandler.bootstrap("fleet-coordinator")
        do {
            try await Self.coordinate(coordinatorConfiguration(), logger)
        } catch {
            let line = Array("fleet-coordinator: \(error)\n".utf8)
            _ = write(STDERR_FILENO, line, line.count)
            throw ExitCode(1)
        }
    }

    /// Apart from `run`, because Swift 6.3's optimiser crashes when it splits the two as one.
    @inline(never)
    private static func coordinate(_ configuration: CoordinatorConfiguration, _ logger: Logger) async throws {
        try await Coordinator.run(configuration, signals: [.sigterm, .sigint], logger: logger)
    }

    private var address: (host: String, port: Int)? {
        guard let colon = listen.lastIndex(of: ":"), let port = Int(listen[listen.index(after: colon)...]),
            (0...65_535).contains(port), colon != listen.startIndex
        else { return nil }
        return (listen[..<colon].filter { $0 != "[" && $0 != "]" }, port)
    }

    private func coordinatorConfiguration() throws -> CoordinatorConfiguration {
        guard let amqp = environment("FLEET_AMQP_URL") else {
            throw Missing(
                "FLEET_AMQP_URL is not set; it names the RabbitMQ server, as amqp://user:password@host:port/vhost")
        }
        guard let database = environment("FLEET_DATABASE_URL") else {
            throw Missing(
                "FLEET_DATABASE_URL is not set; it names the database, as postgres://user:password@host:port/name")
        }
        var store = try StoreConfiguration(url: database)
        store.applicationName = "fleet-coordinator"
        var broker = try BrokerConfiguration(url: amqp, name: "fleet-coordinator")
        broker.caFile = environment("FLEET_AMQP_CA_FILE")
        var configuration = CoordinatorConfiguration(
            broker: broker,
            store: store,
            keyFile: absolute(keyFile ?? environment("FLEET_KEY_FILE") ?? "\(stateDir)/key"),
            tokenFile: tokenFile ?? "\(stateDir)/api-token",
            stateDirectory: stateDir
        )
        if let api = environment("FLEET_TELEGRAM_API") { configuration.telegramAPI = api }
        configuration.telegramCAFile = environment("FLEET_TELEGRAM_CA_FILE")
        if let address { (configuration.host, configuration.port) = address }
        configuration.behaviours = behaviours
        configuration.inboxRetention = .seconds(inboxDays * 24 * 3600)
        configuration.startupTimeout = .seconds(startupTimeout)
        if supervise {
            var supervision = CoordinatorConfiguration.Supervision(
                workerBinary: absolute(workerBinary ?? beside("bot-worker")),
                gatewayBinary: gateways == 0 ? nil : absolute(gatewayBinary ?? beside("fleet-gateway"))
            )
            supervision.gateways = gateways
            supervision.stopsChildren = stopChildren
            configuration.supervision = supervision
        }
        return configuration
    }

    private func environment(_ name: String) -> String? {
        guard let value = getenv(name), value.pointee != 0 else { return nil }
        return String(cString: value)
    }

    /// Children are started with paths that do not depend on a working directory.
    private func absolute(_ path: String) -> String {
        if path.hasPrefix("/") { return path }
        guard let current = getcwd(nil, 0) else { return path }
        defer { free(current) }
        return "\(String(cString: current))/\(path)"
    }

    private func beside(_ name: String) -> String {
        guard let own = realpath("/proc/self/exe", nil) else { return name }
        defer { free(own) }
        return String(cString: own).split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/\(name)"
    }
}

private struct Missing: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
