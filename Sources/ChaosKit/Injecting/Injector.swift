import FleetCtlKit
import FleetModel
import Glibc
import LocalServices
import Synchronization

/// Does what the plan says, and undoes it: every fault it begins it also ends, whatever happens in between.
final class Injector: Sendable {
    let processes: FleetProcesses
    let servers: ChaosServers
    let clock: FakeClock
    let simulator: SimulatorClient
    let keeper: CoordinatorKeeper
    let client: FleetClient
    let bots: [ChaosBot]
    let frozen = Mutex<Set<Int32>>([])

    init(
        processes: FleetProcesses, servers: ChaosServers, clock: FakeClock, simulator: SimulatorClient,
        keeper: CoordinatorKeeper, client: FleetClient, bots: [ChaosBot]
    ) {
        self.processes = processes
        self.servers = servers
        self.clock = clock
        self.simulator = simulator
        self.keeper = keeper
        self.client = client
        self.bots = bots
    }

    /// What came of a fault: whether it was done, to whom, and what there is to say.
    struct Outcome {
        var applied = true
        var note: String
        var bot: BotID?

        static func skipped(_ why: String) -> Outcome { Outcome(applied: false, note: why) }
    }

    /// Runs one fault from its beginning to its end.
    func inject(_ item: FaultPlan.Item) async -> TimelineEntry {
        let start = Self.microseconds()
        let outcome: Outcome
        do {
            outcome = try await perform(item)
        } catch {
            outcome = Outcome(note: "not as planned: \(error)")
        }
        return TimelineEntry(
            number: item.number, kind: item.disturbance.kind, text: item.disturbance.description, start: start,
            end: Self.microseconds(), applied: outcome.applied, note: outcome.note, bot: outcome.bot)
    }

    private func perform(_ item: FaultPlan.Item) async throws -> Outcome {
        let length = Duration.milliseconds(item.length)
        switch item.disturbance {
        case .kill(.coordinator), .restart(.coordinator):
            let signal = item.disturbance.kind == .killCoordinator ? SIGKILL : SIGTERM
            return await keeper.end(with: signal, downFor: length)
        case .freeze(.coordinator): return await freeze(keeper.pid.map { ("coordinator", $0, nil) }, length)
        case .kill(let role): return signal(SIGKILL, victim(role, item.pick))
        case .restart(let role): return signal(SIGTERM, victim(role, item.pick))
        case .freeze(let role): return await freeze(victim(role, item.pick).map { ($0.name, $0.pid, $0.bot) }, length)
        case .clock(let role, let seconds):
            try clock.set(seconds, for: role)
            await Self.pause(length)
            try clock.set(0, for: role)
            return Outcome(note: "for \(item.length) ms")
        case .stop(let server):
            try await servers.stop(server)
            await Self.pause(length)
            try await servers.start(server)
            return Outcome(note: "for \(item.length) ms")
        case .crash(let server):
            servers.crash(server)
            await Self.pause(length)
            try await servers.start(server)
            return Outcome(note: "for \(item.length) ms")
        case .memoryAlarm:
            try await servers.setMemoryAlarm(true)
            await Self.pause(length)
            try await servers.setMemoryAlarm(false)
            return Outcome(note: "for \(item.length) ms")
        case .diskFull: return try await fillDisk(length)
        case .cut(let server, let share):
            let count = await servers.proxy(server).cut(share: share, pick: item.pick)
            return count == 0 ? .skipped("no connections") : Outcome(note: "\(count) connections")
        case .blackhole(let server, let direction, let bytes, let ending):
            let proxy = servers.proxy(server)
            await proxy.hold(direction, after: bytes)
            let count = await proxy.count
            await Self.pause(length)
            await proxy.release(ending)
            return Outcome(note: "\(count) connections for \(item.length) ms")
        case .delay(let server, let milliseconds):
            await servers.proxy(server).delay(.milliseconds(milliseconds))
            await Self.pause(length)
            await servers.proxy(server).delay(.zero)
            return Outcome(note: "for \(item.length) ms")
        case .change(let change): return await self.change(change, item.pick)
        case .telegram(let trouble, let probability): return try await self.trouble(trouble, probability, item)
        }
    }

    private func fillDisk(_ length: Duration) async throws -> Outcome {
        guard let disk = servers.disk else { return .skipped("needs root, to mount a small file system") }
        let bytes = disk.fill()
        await Self.pause(length)
        disk.free()
        try await servers.start(.database)
        return Outcome(note: "\(bytes >> 20) MiB of ballast")
    }

    private func trouble(
        _ trouble: Disturbance.Trouble, _ probability: Double, _ item: FaultPlan.Item
    ) async throws -> Outcome {
        // Polling is struck as well by what concerns no message alone.
        let method = trouble == .flood || item.pick % 2 == 0 ? "sendMessage" : nil
        let rule = SimulatorClient.FaultRule(
            kind: trouble.rawValue, method: method, probability: probability, seed: Int(item.pick % 1_000_000),
            retryAfter: trouble == .flood ? 1 : nil)
        let id = try await simulator.addFault(rule)
        await Self.pause(.milliseconds(item.length))
        try await simulator.removeFault(id)
        return Outcome(note: "\(method ?? "any method") for \(item.length) ms")
    }

    /// The operator may be told that it cannot be done now; a change that was begun is taken up again by whoever comes.
    private func change(_ change: Disturbance.Change, _ pick: UInt64) async -> Outcome {
        let bot = bots[Int(pick % UInt64(bots.count))].id
        do throws(Fault) {
            switch change {
            case .lanes(let lanes):
                let _: BotView = try await client.patch("/v1/bots/\(bot)", BotChange(lanes: lanes))
                return Outcome(note: "\(bot)", bot: bot)
            case .intake:
                let now: BotView = try await client.get("/v1/bots/\(bot)")
                let intake: IntakeMode = now.spec.intake == .polling ? .webhook : .polling
                let _: BotView = try await client.patch("/v1/bots/\(bot)", BotChange(intake: intake))
                return Outcome(note: "\(bot) to \(intake.rawValue)", bot: bot)
            case .config:
                let request = ConfigBroadcastRequest(
                    scope: .global, set: ["settle.delay_ms": .int(Int64(1 + pick % 20))], reason: "chaos")
                let tally: TallyView = try await client.post("/v1/config", request)
                return Outcome(note: "\(tally.rows.count { $0.result == .applied }) of \(tally.rows.count) workers")
            }
        } catch {
            return .skipped("refused: \(error)")
        }
    }

    // MARK: Processes

    private func victim(_ role: Disturbance.Role, _ pick: UInt64) -> FleetProcesses.Found? {
        let found = processes.of(role)
        return found.isEmpty ? nil : found[Int(pick % UInt64(found.count))]
    }

    private func signal(_ signal: Int32, _ victim: FleetProcesses.Found?) -> Outcome {
        guard let victim, Glibc.kill(victim.pid, signal) == 0 else { return .skipped("there was none") }
        return Outcome(note: "\(victim.name), process \(victim.pid)", bot: victim.bot)
    }

    private func freeze(_ victim: (name: String, pid: Int32, bot: BotID?)?, _ length: Duration) async -> Outcome {
        guard let victim, frozen.withLock({ $0.insert(victim.pid).inserted }) else {
            return .skipped("there was none that was not stopped already")
        }
        defer { _ = frozen.withLock { $0.remove(victim.pid) } }
        guard Glibc.kill(victim.pid, SIGSTOP) == 0 else { return .skipped("it was gone") }
        await Self.pause(length)
        Glibc.kill(victim.pid, SIGCONT)
        return Outcome(
            note: "\(victim.name), process \(victim.pid), for \(length.wholeMilliseconds) ms", bot: victim.bot)
    }

    /// Lets go on what a cancelled run has left stopped.
    func thaw() {
        for pid in frozen.withLock({ $0 }) { Glibc.kill(pid, SIGCONT) }
    }

    /// Ends early when the run is cancelled; what comes after it undoes the fault either way.
    static func pause(_ length: Duration) async { try? await Task.sleep(for: length) }

    static func microseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }
}

extension Duration {
    var wholeMilliseconds: Int { Int(components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000) }
}
