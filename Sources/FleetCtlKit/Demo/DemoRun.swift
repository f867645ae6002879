import FleetModel
import Glibc
import HTTPTransport
import LocalServices
import Logging
import Store

/// The demo from an empty directory to its report: servers, simulator, coordinator with a gateway and ten workers,
/// users that speak, a config broadcast and a killed worker half-way, and the audit.
///
/// It does not clean up: whoever runs it stops the fleet afterwards, whatever happened.
public struct DemoRun: Sendable {
    let fleet: LocalFleet
    let servers: DemoServers
    let plan: DemoPlan
    let transport: HTTPTransport
    /// A line that stays.
    let note: @Sendable (String) -> Void
    /// The line that is drawn again and again.
    let progress: @Sendable (String) -> Void

    public init(
        fleet: LocalFleet,
        servers: DemoServers,
        plan: DemoPlan,
        transport: HTTPTransport,
        note: @escaping @Sendable (String) -> Void,
        progress: @escaping @Sendable (String) -> Void
    ) {
        self.fleet = fleet
        self.servers = servers
        self.plan = plan
        self.transport = transport
        self.note = note
        self.progress = progress
    }

    /// How long nothing may move before the demo gives up waiting and reports what there is.
    static let stall: Duration = .seconds(30)

    public func run() async throws -> DemoReport {
        let endpoints = try servers.confined(try await fleet.startServices())
        try await fleet.migrate(endpoints)
        let databaseURL = endpoints.databaseURL ?? ""
        let simulatorURL = try await fleet.startSimulator(transport: transport)
        note("the Telegram simulator listens on \(simulatorURL)")
        let simulator = SimulatorClient(base: simulatorURL, transport: transport)
        let url = try await fleet.startCoordinator(endpoints, telegram: simulatorURL, transport: transport)
        note("the coordinator listens on \(url)")
        let token = TextFile.read(fleet.apiTokenFile) ?? ""
        let client = FleetClient(base: url, token: Secret(token.filter { !$0.isWhitespace }), transport: transport)
        let bots = try await addBots(client, simulator)
        note("\(bots.count) bots are added; waiting for a worker process for each, and for the gateway")
        try await waitUntilReady(client, simulator)
        note("\(NumberText.grouped(plan.updates)) updates of \(plan.chats) chats begin")
        let (broadcast, kill) = try await load(client, simulator, bots)
        try await waitForReplies(simulator)
        return try await DemoCollector(plan: plan, bots: bots, simulator: simulator, databaseURL: databaseURL)
            .report(broadcast: broadcast, kill: kill)
    }

    // MARK: Before

    /// Makes the bots at the simulator and adds them to the fleet.
    private func addBots(
        _ client: FleetClient,
        _ simulator: SimulatorClient
    ) async throws(Fault) -> [(id: BotID, telegram: Int64)] {
        let known: [BotView] = try await client.get("/v1/bots")
        guard known.isEmpty else {
            throw Fault("the database has bots already; name an empty one in FLEET_DATABASE_URL, or unset it")
        }
        // No bot runs yet: the first generation is there before the first worker.
        let change = ConfigBroadcastRequest(
            scope: .global,
            set: ["greeting": .string(DemoPlan.firstGreeting), "flood.limits": .bool(false)],
            reason: "demo"
        )
        let _: TallyView = try await client.post("/v1/config", change)
        let ids = (0..<plan.bots).compactMap(plan.botID)
        let made = try await simulator.makeBots(ids.map { "\($0.rawValue.replacing("-", with: "_"))_bot" })
        guard made.count == plan.bots, ids.count == plan.bots else {
            throw Fault("the simulator made \(made.count) bots")
        }
        var bots: [(id: BotID, telegram: Int64)] = []
        for (id, bot) in zip(ids, made) {
            let request = AddBotRequest(spec: BotSpec(id: id, behaviour: "echo"), token: bot.token ?? "")
            let _: BotView = try await client.post("/v1/bots", request)
            bots.append((id, bot.id))
        }
        return bots
    }

    private func waitUntilReady(_ client: FleetClient, _ simulator: SimulatorClient) async throws {
        let deadline = ContinuousClock.now + .seconds(90)
        while true {
            let status: StatusView = try await client.get("/v1/status")
            let running = status.workers.count { $0.health == .live && $0.heartbeat.state == .running }
            let polled = try await simulator.bots().count { $0.polling }
            progress("\(running) of \(plan.bots) workers run, \(polled) of \(plan.bots) bots are polled")
            if running >= plan.bots, polled >= plan.bots { return }
            if ContinuousClock.now > deadline {
                throw Fault(
                    "after 90 s \(running) of \(plan.bots) workers run and \(polled) bots are polled; see \(fleet.home.path)/coordinator/logs"
                )
            }
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    // MARK: Load, broadcast and kill

    private func load(
        _ client: FleetClient,
        _ simulator: SimulatorClient,
        _ bots: [(id: BotID, telegram: Int64)]
    ) async throws -> (DemoReport.Broadcast, DemoAudit.Kill?) {
        let start = ContinuousClock.now
        var next = 0
        var disturbance: Task<(DemoReport.Broadcast, DemoAudit.Kill?), any Error>?
        defer { disturbance?.cancel() }
        var lastProgress = start
        while next < plan.updates {
            let due = plan.schedule.due(after: .now - start)
            if due > next {
                let words = (next..<due).map { index in
                    let speech = plan.speech(index)
                    return (bot: bots[speech.bot].telegram, chat: speech.chat, text: speech.text)
                }
                try await simulator.say(words)
                next = due
            }
            if disturbance == nil, next >= plan.updates / 2 {
                let victim = bots[plan.bots / 2].id
                disturbance = Task { try await disturb(client, victim) }
            }
            if .now - lastProgress > .milliseconds(500) {
                lastProgress = .now
                try await show(simulator, since: start)
            }
            try await Task.sleep(for: .milliseconds(25))
        }
        return try await disturbance?.value ?? (DemoReport.Broadcast(), nil)
    }

    /// Changes every bot's greeting, and when all have it, kills one worker.
    private func disturb(
        _ client: FleetClient,
        _ victim: BotID
    ) async throws -> (DemoReport.Broadcast, DemoAudit.Kill?) {
        let change = ConfigBroadcastRequest(
            scope: .global,
            set: ["greeting": .string(DemoPlan.secondGreeting)],
            reason: "demo, half-way"
        )
        let tally: TallyView = try await client.post("/v1/config", change)
        let broadcast = DemoReport.Broadcast(tally)
        note(
            "half-way: \(broadcast.applied) of \(broadcast.workers) workers applied a new greeting "
                + "in \(NumberText.fixed(broadcast.milliseconds)) ms")
        let status: StatusView = try await client.get("/v1/status")
        guard let worker = status.workers.first(where: { $0.heartbeat.bots == [victim] && $0.health == .live }) else {
            throw Fault("no worker of \(victim) to kill; see `fleetctl status`")
        }
        let pid = worker.heartbeat.pid
        let at = Self.microseconds()
        guard Glibc.kill(pid, SIGKILL) == 0 else {
            throw Fault("worker \(pid) cannot be killed: \(String(cString: strerror(errno)))")
        }
        note("half-way: SIGKILL to process \(pid), the worker of \(victim)")
        return (broadcast, DemoAudit.Kill(bot: victim, at: at, claimedAt: nil))
    }

    /// Waits until as many replies came as updates were made, or until nothing has moved for a while.
    private func waitForReplies(_ simulator: SimulatorClient) async throws {
        let start = ContinuousClock.now
        var last = -1
        var lastChange = start
        while true {
            let replies = try await simulator.counts().calls["sendMessage"] ?? 0
            if replies != last { (last, lastChange) = (replies, .now) }
            // Repeated ones count here too: what arrives in the next moment decides, not this number alone.
            let quiet: Duration = replies >= plan.updates ? .seconds(2) : Self.stall
            if .now - lastChange > quiet { return }
            progress(line(replies, nil))
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    // MARK: Progress

    private func show(_ simulator: SimulatorClient, since start: ContinuousClock.Instant) async throws {
        let replies = try await simulator.counts().calls["sendMessage"] ?? 0
        progress(line(replies, Double(replies) / (.now - start).inSeconds))
    }

    private func line(_ replies: Int, _ rate: Double?) -> String {
        let bar = ProgressBar.text(done: replies, of: plan.updates)
        let text = "\(bar) \(NumberText.grouped(replies)) of \(NumberText.grouped(plan.updates)) answered"
        return rate.map { text + ", \(NumberText.fixed($0, 0))/s" } ?? text
    }

    static func microseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }
}
