import FleetModel
import HTTPTransport
import LocalServices
import Logging
import Store

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A whole fleet on this machine: servers, schema, coordinator with its workers and gateway, and on request the
/// simulator, all below one home directory and running in the background.
public struct LocalFleet: Sendable {
    public let home: ServiceHome
    public let binaries: FleetBinaries
    /// The caller's environment: servers it names are used instead of own ones.
    public let environment: [String: String]
    let progress: @Sendable (String) -> Void

    public init(
        home: ServiceHome,
        binaries: FleetBinaries,
        environment: [String: String],
        progress: @escaping @Sendable (String) -> Void
    ) {
        self.home = home
        self.binaries = binaries
        self.environment = environment
        self.progress = progress
    }

    /// 32 bytes that seal the bots' tokens.
    public var keyFile: String {
        environment["FLEET_KEY_FILE"].flatMap { $0.isEmpty ? nil : $0 } ?? "\(home.path)/token.key"
    }
    public var apiTokenFile: String { "\(home.path)/api-token" }
    /// Where the coordinator and the simulator listen; each a line, written when they are started.
    public var coordinatorFile: String { "\(home.path)/coordinator.url" }
    public var simulatorFile: String { "\(home.path)/simulator.url" }
    var stateDirectory: String { "\(home.path)/coordinator" }

    public var coordinator: BackgroundProcess {
        BackgroundProcess(name: "fleet-coordinator", pidFile: home.pidFile("coordinator"))
    }
    public var simulator: BackgroundProcess {
        BackgroundProcess(name: "telegram-simulator", pidFile: home.pidFile("simulator"))
    }

    // MARK: Starting

    /// Starts the servers that the environment does not name.
    public func startServices() async throws -> ServiceEndpoints {
        let given = ServiceEndpoints(environment: environment)
        guard !given.missing.isEmpty else { return given }
        let services = LocalServices(home: home, progress: progress)
        let own = try await Blocking.run { () throws(ServiceError) in try services.start(given.missing) }
        return given.completed(by: own)
    }

    /// Brings the schema up to this binary's.
    public func migrate(_ endpoints: ServiceEndpoints) async throws {
        var configuration = try StoreConfiguration(url: endpoints.databaseURL ?? "")
        configuration.applicationName = "fleetctl"
        let database = try Database(configuration, logger: .quiet)
        do {
            let applied = try await Migrator(database).up()
            if !applied.isEmpty { progress("schema: applied \(applied.map(\.name).joined(separator: ", "))") }
        } catch {
            await database.shutdown()
            throw error
        }
        await database.shutdown()
    }

    /// Starts the coordinator unless it runs, and waits until it answers.
    /// - Parameters:
    ///   - telegram: base URL of the Bot API for all bots that name no other.
    ///   - supervise: whether it runs workers and gateways on this machine.
    ///   - gateways: how many gateways.
    /// - Returns: its base URL.
    public func startCoordinator(
        _ endpoints: ServiceEndpoints,
        telegram: String?,
        supervise: Bool = true,
        gateways: Int = 1,
        transport: HTTPTransport
    ) async throws -> String {
        var arguments = ["--token-file", apiTokenFile, "--state-dir", stateDirectory]
        if supervise {
            arguments += ["--supervise", "--stop-children", "--worker-binary", try binaries.path("bot-worker")]
            arguments += ["--gateway-binary", try binaries.path("fleet-gateway")]
            arguments += ["--gateways", String(gateways)]
        }
        var variables = endpoints.environment.merging(processEnvironment) { own, _ in own }
        variables["FLEET_KEY_FILE"] = keyFile
        variables["FLEET_TELEGRAM_API"] = telegramAPI(telegram)
        let url = try await start(
            coordinator, "fleet-coordinator", arguments, variables, addressFile: coordinatorFile
        ) {
            try checkCoordinator(endpoints, telegram: telegram)
            _ = try TokenVault(file: keyFile, createIfMissing: true)
        }
        try await waitUntilUp(coordinator, url: url + "/v1/health", log: home.log("coordinator"), transport: transport)
        return url
    }

    /// Whether a coordinator that runs is the one that is wanted: what it was started with cannot be changed.
    /// - Parameter telegram: the simulator's URL, or `nil`.
    /// - Throws: one line when it uses other servers, or another Telegram. It shows no URL that holds a password.
    public func checkCoordinator(_ endpoints: ServiceEndpoints?, telegram: String?) throws(Fault) {
        guard let pid = coordinator.pid else { return }
        let wanted = telegramAPI(telegram)
        let used = coordinator.environmentValue("FLEET_TELEGRAM_API")
        guard used == wanted else {
            throw Fault(
                "the coordinator runs (process \(pid)) with \(Self.place(used)), not with \(Self.place(wanted)); stop it first with `fleetctl down`"
            )
        }
        for (name, value) in endpoints?.environment ?? [:] where name != "FLEET_RABBITMQCTL" {
            guard coordinator.environmentValue(name) == value else {
                throw Fault(
                    "the coordinator runs (process \(pid)) with another \(name); stop it first with `fleetctl down`")
            }
        }
    }

    private func telegramAPI(_ simulator: String?) -> String? {
        simulator ?? environment["FLEET_TELEGRAM_API"].flatMap { $0.isEmpty ? nil : $0 }
    }

    private static func place(_ api: String?) -> String { api.map { "the Bot API at \($0)" } ?? "Telegram itself" }

    /// Starts the simulator of Telegram's Bot API unless it runs, and waits until it answers.
    /// - Returns: its base URL.
    public func startSimulator(arguments: [String] = [], transport: HTTPTransport) async throws -> String {
        let url = try await start(
            simulator, "telegram-simulator", arguments, processEnvironment, addressFile: simulatorFile)
        try await waitUntilUp(simulator, url: url + "/sim/health", log: home.log("simulator"), transport: transport)
        return url
    }

    // MARK: Stopping

    /// Stops coordinator (and with it workers and gateway), simulator and own servers; what does not run is no error.
    public func stop() async throws {
        let fleet = self
        try await Blocking.run { () throws(ServiceError) in
            // The coordinator gives its workers time to finish what they have begun.
            try fleet.coordinator.stop(within: .seconds(40))
            // What a coordinator that was killed has left behind.
            // The mark names the directory without symbolic links, as the home's path is.
            MarkedProcesses.stop("FLEET_SUPERVISED", prefix: "\(fleet.stateDirectory):", within: .seconds(20))
            try fleet.simulator.stop(within: .seconds(10))
            try LocalServices(home: fleet.home).stop()
        }
    }

    /// Drops the home with all data in it, unless fleetctl has not made it. Stop the fleet first.
    public func erase() async throws(ServiceError) {
        let home = home
        try await Blocking.run { () throws(ServiceError) in
            try home.requireOwn()
            try LocalServices(home: home).remove()
            try home.remove()
        }
    }

    // MARK: Pieces

    /// What a `…​.url` file says.
    public func address(_ file: String) -> String? {
        TextFile.read(file).map { $0.filter { !$0.isWhitespace } }.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The same port as last time if it is still free, so that the address stays.
    private func remembered(_ file: String) throws(ServiceError) -> (port: UInt16, url: String) {
        if let port = address(file).flatMap({ $0.split(separator: ":").last }).flatMap({ UInt16($0) }),
            LoopbackPort.isFree(port)
        {
            return (port, "http://127.0.0.1:\(port)")
        }
        let port = try LoopbackPort.free()
        let url = "http://127.0.0.1:\(port)"
        try TextFile.write(file, url + "\n", mode: 0o644)
        return (port, url)
    }

    /// Starts a program that listens, unless it runs. Of two callers at once, one starts it and both get its URL.
    private func start(
        _ process: BackgroundProcess,
        _ program: String,
        _ arguments: [String],
        _ variables: [String: String],
        addressFile: String,
        before check: @escaping @Sendable () throws -> Void = {}
    ) async throws -> String {
        let path = try binaries.path(program)
        let fleet = self
        return try await Blocking.run { () throws(any Error) in
            try fleet.home.make()
            return try fleet.home.locked {
                try check()
                if process.pid != nil, let url = fleet.address(addressFile) { return url }
                let (port, url) = try fleet.remembered(addressFile)
                let listening = ["--listen", "127.0.0.1:\(port)"] + arguments
                let log = fleet.home.log(addressFile == fleet.simulatorFile ? "simulator" : "coordinator")
                try process.start(ProcessRequest(path, listening, environment: variables), log: log)
                return url
            }
        }
    }

    /// What processes get of the caller's environment: where things are and how to log, and no secret by accident.
    private var processEnvironment: [String: String] {
        environment.filter { name, _ in
            [
                "PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE", "SWIFT_BACKTRACE",
                "FLEET_AMQP_CA_FILE", "FLEET_TELEGRAM_CA_FILE", "FLEET_DATABASE_CONNECTIONS",
            ].contains(name)
                || name.hasPrefix("FLEET_LOG") || name.hasPrefix("FLEET_WEBHOOK_")
        }
    }

    private func waitUntilUp(
        _ process: BackgroundProcess,
        url: String,
        log: String,
        transport: HTTPTransport
    ) async throws {
        let deadline = ContinuousClock.now + .seconds(45)
        var missing: String?
        while true {
            let answer = try? await transport.send(HTTPRequest(url: url, deadline: .seconds(2)))
            if answer?.status == 200 {
                // The coordinator answers before it has reached its servers, and then refuses changes.
                let health = answer.flatMap { try? JSONDecoder().decode(HealthView.self, from: Data($0.body)) }
                guard let health, !(health.broker && health.database) else { return }
                missing = health.broker ? "PostgreSQL" : "RabbitMQ"
            }
            let ended = await Blocking.run { () throws(Never) in process.ends(within: 50) }
            if ended {
                let line = TextFile.tail(log).split(separator: "\n").last.map(String.init) ?? "it logged nothing"
                throw Fault("\(process.name) ended: \(TextTable.clean(String(line.prefix(300)))) (log: \(log))")
            }
            if ContinuousClock.now > deadline {
                throw Fault(
                    missing.map { "\(process.name) runs, but has not reached \($0) after 45 s; see \(log)" }
                        ?? "\(process.name) does not answer after 45 s; see \(log)")
            }
        }
    }
}
