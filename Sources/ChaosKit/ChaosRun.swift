import FleetCtlKit
import FleetModel
import HTTPTransport
import LocalServices
import Logging
import Store

/// A run from an empty directory to its report: private servers behind proxies, a simulator, a coordinator with
/// gateways and workers, load, faults, and the audit.
public struct ChaosRun: Sendable {
    let options: ChaosOptions
    let home: ServiceHome
    let binaries: FleetBinaries
    let environment: [String: String]
    let transport: HTTPTransport
    let note: @Sendable (String) -> Void

    static let gateways = 2

    public var homePath: String { home.path }

    /// - Parameters:
    ///   - home: a directory of the run's own; what is in it is dropped.
    ///   - note: gets a line for each thing that happens.
    public init(
        options: ChaosOptions, home: ServiceHome, binaries: FleetBinaries, environment: [String: String],
        transport: HTTPTransport, note: @escaping @Sendable (String) -> Void
    ) {
        self.options = options
        self.home = home
        self.binaries = binaries
        // Servers that the caller's environment names are somebody's: this breaks its own alone.
        self.environment = environment.filter { !["FLEET_AMQP_URL", "FLEET_DATABASE_URL"].contains($0.key) }
        self.transport = transport
        self.note = note
    }

    /// Stops what a run, or an earlier one that was cut off, has left, and drops its servers' data. Logs stay.
    public func clean() async throws {
        try home.requireOwn()
        let processes = FleetProcesses(stateDirectory: "\(home.path)/coordinator")
        processes.thawAll(coordinator: localFleet(binaries).coordinator.pid)
        try await localFleet(binaries).stop()
        let services = LocalServices(home: home)
        try await Blocking.run { () throws(ServiceError) in
            try SmallDisk.unmount(services)
            try services.remove()
        }
    }

    public func run() async throws -> ChaosReport {
        try await localFleet(binaries).erase()
        let services = LocalServices(home: home)
        let disk = try await Blocking.run { () throws(ServiceError) in try SmallDisk.mount(services) }
        let direct = try await Blocking.run { () throws(ServiceError) in try services.start() }
        let servers = try ChaosServers(services: services, direct: direct, disk: disk, gateways: Self.gateways)
        await servers.startProxies()
        let database = try Self.database(direct)
        let result: Result<ChaosReport, any Error>
        do {
            try await Self.boundLog(database)
            result = .success(try await run(servers, database))
        } catch {
            result = .failure(error)
        }
        await database.shutdown()
        await servers.stopProxies()
        return try result.get()
    }

    private func run(_ servers: ChaosServers, _ database: Database) async throws -> ChaosReport {
        let clock = FakeClock(home: home)
        let fleet = localFleet(try clock.install(binaries, worker: "chaos-worker", servers))
        try await fleet.migrate(servers.direct)
        let simulatorURL = try await fleet.startSimulator(
            arguments: ["--seed", "\(options.seed)"], transport: transport)
        let simulator = SimulatorClient(base: simulatorURL, transport: transport)
        let start: @Sendable () async throws -> Void = { [transport] in
            _ = try await fleet.startCoordinator(
                servers.endpoints, telegram: simulatorURL, gateways: Self.gateways, transport: transport)
        }
        try await start()
        let bots = try await addBots(fleet, simulator)
        note("\(bots.count) bots are added; waiting for their workers and the gateways")
        try await waitUntilReady(fleet, simulator)
        let keeper = CoordinatorKeeper(find: { fleet.coordinator.pid }, start: start)
        let processes = FleetProcesses(stateDirectory: "\(home.path)/coordinator")
        let injector = Injector(
            processes: processes, servers: servers, clock: clock, simulator: simulator, keeper: keeper,
            client: client(fleet), bots: options.bots)
        let keeping = Task { await keeper.run() }
        defer {
            keeping.cancel()
            injector.thaw()
        }
        let plan = FaultPlan(seed: options.seed, seconds: options.seconds, kinds: options.kinds)
        note("\(plan.items.count) faults in \(options.seconds) s, seed \(options.seed)")
        async let speaking: Void = speak(simulator, bots)
        let timeline = await disturb(plan, injector)
        try await speaking
        let collector = ChaosCollector(bots: bots, simulator: simulator, database: database)
        let settled = try await waitUntilSettled(collector, simulator)
        let evidence = try await collector.evidence()
        // For whoever has to find out what happened to one update.
        try TextFile.write("\(home.path)/evidence.json", try JSONOutput.text(evidence), mode: 0o644)
        return ChaosReport(
            options: options, evidence: evidence, timeline: timeline, settled: settled,
            coordinatorStarts: await keeper.starts)
    }

    // MARK: Before

    private func localFleet(_ binaries: FleetBinaries) -> LocalFleet {
        LocalFleet(home: home, binaries: binaries, environment: environment, progress: note)
    }

    private static func database(_ endpoints: ServiceEndpoints) throws -> Database {
        var configuration = try StoreConfiguration(url: endpoints.databaseURL ?? "")
        configuration.applicationName = "fleet-chaos"
        configuration.maxConnections = 1
        return try Database(
            configuration, logger: Logger(label: "fleet-chaos", factory: { _ in SwiftLogNoOpLogHandler() }))
    }

    /// PostgreSQL keeps its log within the small disk.
    private static func boundLog(_ database: Database) async throws(StoreError) {
        for command in [
            "ALTER SYSTEM SET max_wal_size = '96MB'", "ALTER SYSTEM SET min_wal_size = '32MB'",
            "SELECT pg_reload_conf()",
        ] {
            _ = try await database.query(Statement("", command))
        }
    }

    private func client(_ fleet: LocalFleet) -> FleetClient {
        let token = TextFile.read(fleet.apiTokenFile) ?? ""
        return FleetClient(
            base: fleet.address(fleet.coordinatorFile) ?? "", token: Secret(token.filter { !$0.isWhitespace }),
            transport: transport)
    }

    private func addBots(
        _ fleet: LocalFleet, _ simulator: SimulatorClient
    ) async throws -> [(id: BotID, telegram: Int64)] {
        let client = client(fleet)
        // Nothing but Telegram's 429 slows a chat down, and what Telegram does not answer is given up soon.
        let change = ConfigBroadcastRequest(
            scope: .global, set: ["flood.limits": .bool(false), "send.timeout_ms": .int(4000)], reason: "chaos")
        let _: TallyView = try await client.post("/v1/config", change)
        let made = try await simulator.makeBots(
            options.bots.map { "\($0.id.rawValue.replacing("-", with: "_"))_bot" })
        var bots: [(id: BotID, telegram: Int64)] = []
        for (wanted, bot) in zip(options.bots, made) {
            let _: BotView = try await client.post(
                "/v1/bots", AddBotRequest(spec: wanted.spec, token: bot.token ?? ""))
            bots.append((wanted.id, bot.id))
        }
        return bots
    }

    private func waitUntilReady(_ fleet: LocalFleet, _ simulator: SimulatorClient) async throws {
        let client = client(fleet)
        let deadline = ContinuousClock.now + .seconds(90)
        while true {
            let status: StatusView = try await client.get("/v1/status")
            let running = status.workers.count { $0.health == .live && $0.heartbeat.state == .running }
            let polled = try await simulator.bots().count { $0.polling || $0.webhook == true }
            if running >= options.bots.reduce(0, { $0 + $1.workers }), polled >= options.bots.count { return }
            if ContinuousClock.now > deadline {
                throw Fault(
                    "after 90 s \(running) workers run and the updates of \(polled) bots are taken; see \(home.path)/coordinator/logs"
                )
            }
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    // MARK: Load and faults

    private func speak(_ simulator: SimulatorClient, _ bots: [(id: BotID, telegram: Int64)]) async throws {
        var load = ChaosLoad(bots: bots.count, chatsPerBot: options.chatsPerBot, seed: options.seed)
        let schedule = LoadSchedule(rate: options.rate, duration: .seconds(options.seconds))
        let start = ContinuousClock.now
        while load.count < schedule.total {
            let due = schedule.due(after: .now - start)
            if due > load.count {
                let words = load.next(due - load.count)
                try await simulator.say(words.map { (bots[$0.bot].telegram, $0.chat, $0.text) })
            }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// Outages one after another, everything else when its time has come.
    private func disturb(_ plan: FaultPlan, _ injector: Injector) async -> [TimelineEntry] {
        let start = ContinuousClock.now
        let outages = plan.items.filter(\.disturbance.kind.isOutage)
        return await withTaskGroup(of: [TimelineEntry].self) { group in
            for item in plan.items where !item.disturbance.kind.isOutage {
                group.addTask { [await self.one(item, start, injector)].compactMap(\.self) }
            }
            group.addTask {
                var entries: [TimelineEntry] = []
                for item in outages {
                    if let entry = await self.one(item, start, injector) { entries.append(entry) }
                    await Injector.pause(.milliseconds(FaultPlan.pause))
                }
                return entries
            }
            return await group.reduce(into: []) { $0 += $1 }
        }
    }

    private func one(
        _ item: FaultPlan.Item, _ start: ContinuousClock.Instant, _ injector: Injector
    ) async -> TimelineEntry? {
        try? await Task.sleep(until: start + .milliseconds(item.at), clock: .continuous)
        // What was late all the time must not begin long after the load has ended.
        if Task.isCancelled || ContinuousClock.now > start + .seconds(options.seconds) { return nil }
        let entry = await injector.inject(item)
        note("#\(entry.number) \(entry.text): \(entry.note)")
        return entry
    }

    // MARK: After

    /// Waits until every update is settled and every message sent, or until nothing has changed for long.
    private func waitUntilSettled(_ collector: ChaosCollector, _ simulator: SimulatorClient) async throws -> Bool {
        note("all faults are over; waiting for the fleet to finish")
        var last = (settled: -1, unsent: -1, waiting: -1)
        var lastChange = ContinuousClock.now
        while true {
            let wanted = try await simulator.counts().injected
            let now = try await collector.progress()
            if now.settled >= wanted, now.unsent == 0, now.waiting == 0 { return true }
            if now != last { (last, lastChange) = (now, .now) }
            if .now - lastChange > options.stall {
                note(
                    "nothing has changed for \(options.stall): \(now.settled) of \(wanted) settled, \(now.unsent) unsent"
                )
                return false
            }
            try await Task.sleep(for: .milliseconds(250))
        }
    }
}
