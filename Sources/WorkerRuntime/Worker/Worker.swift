import BotKit
import Broker
import FleetControl
import FleetLogging
import FleetModel
import HTTPTransport
import Logging
import Store
import Synchronization
import TelegramAPI

/// A worker process: the lanes of its bots, its control queue, its heartbeats.
public final class Worker: Sendable {
    private let settings: WorkerSettings
    private let identity: WorkerIdentity
    private let startedAt = Timestamp.now
    private let logger: Logger
    private let counters = CounterBoard()
    private let trials: TrialPool
    private let lifecycle = Mutex(Lifecycle())
    private let drainRequested = Signal()
    private let tokens = TokenBook()

    private struct Lifecycle {
        var state = WorkerState.starting
        var keeper: LaneKeeper?
    }

    public init(settings: WorkerSettings, logger: Logger) {
        self.settings = settings
        identity = WorkerIdentity(name: settings.name)
        var logger = logger
        logger[metadataKey: "worker"] = "\(settings.name)"
        self.logger = logger
        trials = TrialPool(logger: logger)
    }

    /// Stop fetching, finish what is running, commit, ack, send, close. Returns at once; ``run()`` returns when done.
    public func drain() { drainRequested.raise() }

    /// Works until ``drain()`` or cancellation.
    /// - Throws: ``WorkerError`` when the worker cannot start.
    public func run() async throws {
        if TrialServer.isAsked { return await TrialServer.serve(settings.behaviours) }
        let database = try Database(settings.database, logger: logger)
        let transport = try HTTPTransport()
        var consumer = settings.broker
        consumer.heartbeat = settings.consumerHeartbeat
        let consuming = BrokerLink(configuration: consumer, logger: logger)
        // A connection of its own: a broker under a memory alarm stops reading from those that publish.
        var control = settings.broker
        control.name = "\(settings.name) control"
        let publishing = BrokerLink(configuration: control, logger: logger)
        let result: Result<Void, any Error>
        do {
            try await work(database, transport, consuming, publishing)
            result = .success(())
        } catch {
            result = .failure(error)
        }
        await trials.shutdown()
        await consuming.close()
        await publishing.close()
        await transport.shutdown()
        await database.shutdown()
        try result.get()
    }

    private func work(
        _ database: Database,
        _ transport: HTTPTransport,
        _ consuming: BrokerLink,
        _ publishing: BrokerLink
    ) async throws {
        let bots = try await loadBots(database)
        if !drainRequested.isRaised { try await connect(consuming) }
        // Stopped before it began: nothing is to be finished.
        if drainRequested.isRaised { return }
        let config = FleetConfig(database: database, state: try await database.configState())
        let rates = FleetRates(database: database, worker: identity.incarnation, logger: logger)
        let services = LaneServices(
            worker: identity, consuming: consuming, publishing: publishing, database: database, transport: transport,
            rates: rates, counters: counters, trials: trials, drainDeadline: settings.drainDeadline)
        let served = try bots.map { bot in
            try ServedBot(bot.spec, token: bot.token, settings: settings, services: services, logger: logger)
        }
        let keeper = LaneKeeper(bots: served, services: services, config: config, logger: logger)
        lifecycle.withLock { $0.keeper = keeper }
        for bot in bots {
            tokens.watch(bot.spec.id, bot.token) { [settings] () throws(StoreError) in
                try await database.token(of: bot.spec.id, vault: settings.vault)
            } use: {
                keeper.use($0, of: bot.spec.id)
            }
        }
        let control = WorkerControl(
            identity: identity,
            consuming: consuming,
            publishing: publishing,
            logger: logger
        )
        // Without the row a successor could not tell that this process is dead, and would wait for its send lease.
        try await database.registerWorker(heartbeat(config))

        let bound = Signal()
        let configured = config
        try await withThrowingTaskGroup(of: Part.self) { group in
            group.addTask { [self] in
                await control.run(
                    bound: {
                        await self.reread(configured)
                        keeper.reread()
                        bound.raise()
                    },
                    handle: { await self.apply($0, config: configured) }
                )
                return .control
            }
            group.addTask { [self] in
                await bound.wait()
                // Before the config is read: what changes from here on reaches the lanes by their mailboxes.
                if !drainRequested.isRaised { self.enter(.running) }
                LocalProcess.releaseStartupPages()
                await keeper.run()
                return .lanes
            }
            group.addTask { [self] in
                await drainRequested.wait()
                if Task.isCancelled { return .drain }
                enter(.draining)
                logger.info("draining")
                keeper.drain()
                // A worker that never got to consume has nothing to drain, but its lanes must start to see that.
                bound.raise()
                return .drain
            }
            group.addTask {
                await rates.run()
                return .rates
            }
            group.addTask { [self] in
                await beat(control, config)
                return .heartbeat
            }
            while let part = try await group.next() {
                if part == .lanes { break }
            }
            group.cancelAll()
            drainRequested.raise()
            bound.raise()
        }
        enter(.stopped)
        await withDeadline(.seconds(2)) { await control.send(self.heartbeat(config)) }
        _ = try? await database.setWorkerState(.stopped, of: identity.incarnation)
    }

    private enum Part { case control, lanes, drain, rates, heartbeat }

    // MARK: Start

    private struct LoadedBot {
        let spec: BotSpec
        let token: Secret
    }

    private func loadBots(_ database: Database) async throws -> [LoadedBot] {
        let deadline = ContinuousClock.now + settings.startupDeadline
        while !drainRequested.isRaised {
            do throws(StoreError) {
                var loaded: [LoadedBot] = []
                for id in settings.bots { loaded.append(try await load(id, database)) }
                return loaded
            } catch {
                if error.disposition == .giveUp || ContinuousClock.now >= deadline { throw WorkerError("\(error)") }
                logger.warning("\(error)")
                try await Task.sleep(for: .milliseconds(500))
            }
        }
        return []
    }

    /// The first connection has a deadline, and a refused login ends the start; later losses are waited out.
    private func connect(_ link: BrokerLink) async throws {
        let limit = settings.startupDeadline
        let place = "\(settings.broker)"
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                do throws(BrokerError) {
                    _ = try await link.connection()
                } catch {
                    if error.code != .cancelled { throw WorkerError("\(error)") }
                }
            }
            group.addTask { [drainRequested] in await drainRequested.wait() }
            group.addTask {
                try await Task.sleep(for: limit)
                throw WorkerError("RabbitMQ at \(place) was not reached within \(limit); is it running?")
            }
            try await group.next()
            group.cancelAll()
        }
    }

    private func load(_ id: BotID, _ database: Database) async throws(StoreError) -> LoadedBot {
        guard let record = try await database.bot(id) else {
            throw StoreError(.notFound, "there is no bot '\(id)'; `fleetctl bot list` shows those there are")
        }
        let token = try await database.token(of: id, vault: settings.vault)
        return LoadedBot(spec: record.spec, token: token)
    }

    // MARK: Control

    private func reread(_ config: FleetConfig) async {
        do throws(StoreError) {
            try await config.reread()
            _ = await distribute(config)
        } catch {
            logger.warning("config not reread: \(error)")
        }
    }

    private func apply(_ message: ControlMessage, config: FleetConfig) async -> WorkerControl.Response {
        var outcome = ControlReply.Outcome.applied
        switch message.action {
        case .ping: break
        case .drain: drain()
        case .config(let change):
            if let problem = ConfigSchema.problems(in: change.set).first {
                outcome = .refused(problem.description)
            } else {
                outcome = await follow(config) { () throws(StoreError) in try await config.take(change) }
            }
        case .refresh:
            lifecycle.withLock { $0.keeper }?.reread()
            await tokens.renew(logger)
            outcome = await follow(config) { () throws(StoreError) in try await config.reread() }
        }
        return WorkerControl.Response(outcome, generation: config.current.generation)
    }

    private func follow(
        _ config: FleetConfig,
        _ change: () async throws(StoreError) -> Void
    ) async -> ControlReply.Outcome {
        do throws(StoreError) {
            try await change()
        } catch {
            return .refused("cannot read the config: \(error)")
        }
        let late = await distribute(config)
        if late.isEmpty { return .applied }
        return .refused("not taken up within \(Self.configDeadline) by lane \(late[0]); a handler holds it up")
    }

    /// Hands the config to the lanes.
    /// - Returns: the lanes that did not say within the deadline that they use it from their next update on.
    private func distribute(_ config: FleetConfig) async -> [LaneKey] {
        let state = config.current
        setLogLevel(state)
        // One that starts later reads the config itself.
        guard let keeper = lifecycle.withLock({ $0.keeper }) else { return [] }
        let lanes = keeper.lanes
        let waits = lanes.map { lane in
            let effective = state.effective(bot: lane.spec.id, labels: lane.spec.labels)
            let taken = Signal()
            lane.mailbox.post(.configure(effective) { taken.raise() })
            return (key: lane.key, taken: taken)
        }
        let deadline = ContinuousClock.now + Self.configDeadline
        for wait in waits {
            await withDeadline(deadline - ContinuousClock.now) { await wait.taken.wait() }
        }
        let served = Set(keeper.lanes.map(\.key))
        return waits.filter { !$0.taken.isRaised && served.contains($0.key) }.map(\.key)
    }

    /// For all lanes of the worker to take a config. A lane is only late when a handler computes without waiting.
    static let configDeadline: Duration = .seconds(5)

    /// A level set in the config counts; without one the process keeps what its environment said.
    private func setLogLevel(_ state: ConfigState) {
        guard let bot = lifecycle.withLock({ $0.keeper })?.firstBot,
            case .string(let name)? = state.explain("log.level", bot: bot.id, labels: bot.labels)?.value,
            let level = Logger.Level(rawValue: name)
        else { return }
        FleetLogHandler.setLevel(level)
    }

    // MARK: Heartbeats

    private func enter(_ state: WorkerState) { lifecycle.withLock { $0.state = state } }

    private func beat(_ control: WorkerControl, _ config: FleetConfig) async {
        while !Task.isCancelled {
            await control.send(heartbeat(config))
            try? await Task.sleep(for: Heartbeat.interval)
        }
    }

    private func heartbeat(_ config: FleetConfig) -> Heartbeat {
        let state = config.current
        return Heartbeat(
            worker: identity,
            bots: settings.bots,
            lanes: counters.owned(),
            host: LocalProcess.hostName,
            machine: LocalProcess.machine,
            pid: LocalProcess.pid,
            startTicks: LocalProcess.startTicks,
            state: lifecycle.withLock { $0.state },
            startedAt: startedAt,
            sentAt: .now,
            generation: state.generation,
            generationHash: state.hash,
            residentBytes: LocalProcess.residentBytes,
            counters: counters.total()
        )
    }
}
