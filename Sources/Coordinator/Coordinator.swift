import Broker
import FleetControl
import FleetModel
import Glibc
public import Logging
import ServiceLifecycle
import Store
public import UnixSignals

/// The coordinator: it composes the services and runs them until it is told to end.
public enum Coordinator {
    /// Runs until one of `signals`, `POST /v1/shutdown` or the task's cancellation ends it.
    /// - Parameter onListening: called once with the port when the API answers.
    /// - Throws: what kept it from starting, in one line.
    public static func run(
        _ configuration: CoordinatorConfiguration,
        signals: [UnixSignal] = [],
        logger: Logger,
        onListening: @escaping @Sendable (Int) -> Void = { _ in }
    ) async throws(StartupError) {
        let directory = try StateDirectory(configuration.stateDirectory)
        // Its lock is held to the end.
        defer { withExtendedLifetime(directory) {} }
        let vault: TokenVault
        do { vault = try TokenVault(file: configuration.keyFile, createIfMissing: true) } catch {
            throw StartupError("\(error)")
        }
        let connections = try await Connections.open(configuration, logger: logger)
        do {
            try await run(configuration, directory, vault, connections, signals, logger, onListening)
        } catch {
            await connections.close()
            throw error
        }
        await connections.close()
    }

    private static func run(
        _ configuration: CoordinatorConfiguration,
        _ directory: StateDirectory,
        _ vault: TokenVault,
        _ connections: Connections,
        _ signals: [UnixSignal],
        _ logger: Logger,
        _ onListening: @escaping @Sendable (Int) -> Void
    ) async throws(StartupError) {
        let database = connections.database
        let incarnation = Incarnation()
        let publisher = ControlPublisher(link: connections.outgoing)
        let broadcaster = Broadcaster(
            incoming: connections.incoming, publisher: publisher, incarnation: incarnation, logger: logger)
        let lanesNudge = Nudge()
        let roster = RosterKeeper(broadcaster: broadcaster, database: database, changed: lanesNudge, logger: logger)
        let supervisor = try makeSupervisor(configuration, directory, logger)
        let steward = Steward(
            database: database, roster: roster, supervisor: supervisor, supervision: configuration.supervision,
            applied: lanesNudge, logger: logger)
        let queues = LaneQueues(incoming: connections.incoming, outgoing: connections.outgoing)
        let lanes = LaneSteward(
            database: database, queues: queues, roster: roster, supervisor: supervisor, broadcaster: broadcaster,
            nudge: lanesNudge, logger: logger)
        let end = EndRequest()
        let fleet = Fleet(
            incarnation: incarnation, database: database, vault: vault, broadcaster: broadcaster, publisher: publisher,
            backlogs: Backlogs(link: connections.incoming),
            brokerLetters: BrokerDeadLetters(link: connections.incoming, database: database, logger: logger),
            tokenOwner: TokenOwner(transport: connections.http, telegramAPI: configuration.telegramAPI),
            roster: roster, steward: steward, supervisor: supervisor, behaviours: configuration.behaviours,
            logger: logger, requestEnd: { end.request() })
        do {
            try await TokenFile.prepare(configuration.tokenFile, database: database)
            try await roster.load()
        } catch {
            throw StartupError("\(error)")
        }

        let heartbeats = HeartbeatCollector(incoming: connections.incoming, incarnation: incarnation, logger: logger)
        let listening = Latch()
        let api = APIServer(fleet: fleet, configuration: configuration, logger: logger) { port in
            listening.open()
            onListening(port)
        }
        let stopsChildren = configuration.supervision?.stopsChildren ?? false
        let pruning = Pruning(database: database, retention: configuration.inboxRetention, logger: logger)
        // They end in reverse: first nobody is let in any more, last the children are stopped.
        let services: [any Service] = [
            Stopping {
                await steward.suspend()
                if stopsChildren { await supervisor?.stopAll() }
            },
            Loop { await broadcaster.run() },
            Loop { await heartbeats.run { await roster.heard($0) } },
            Loop {
                guard let supervisor else { return }
                for await exit in supervisor.exits { await roster.exited(exit) }
            },
            Loop { await every(.seconds(3)) { await roster.persist() } },
            Loop {
                // Nothing is started before the port is ours: another coordinator may be running already.
                await listening.wait()
                await every(.seconds(3)) { await steward.refresh() }
            },
            Loop { await lanes.run() },
            Loop {
                guard let supervisor else { return }
                let hangs = HangGuard(
                    roster: roster, supervisor: supervisor, broadcaster: broadcaster, publisher: publisher,
                    incarnation: incarnation, logger: logger)
                await every(.seconds(1)) { await hangs.look() }
            },
            Loop { await every(.seconds(10)) { await supervisor?.rotateLogs() } },
            Loop { await every(.seconds(60)) { await fleet.collectDeadLetters() } },
            Loop { await every(Pruning.interval) { await pruning.prune() } },
            Stopping { await fleet.replays.end() },
            Stopping { await steward.suspend() },
            api,
            // Before the server waits for the requests under way: one may wait for answers for minutes.
            Stopping { await broadcaster.end() },
        ]
        try await run(services, end: end, signals: signals, configuration, logger)
        await roster.persist()
        await supervisor?.shutdown()
    }

    private static func run(
        _ services: [any Service],
        end: EndRequest,
        signals: [UnixSignal],
        _ configuration: CoordinatorConfiguration,
        _ logger: Logger
    ) async throws(StartupError) {
        var settings = ServiceGroupConfiguration(
            services: services, gracefulShutdownSignals: signals, logger: logger)
        settings.maximumGracefulShutdownDuration = configuration.shutdownTimeout
        let group = ServiceGroup(configuration: settings)
        end.onRequest { Task { await group.triggerGracefulShutdown() } }
        do {
            try await group.run()
        } catch let error as StartupError {
            throw error
        } catch is CancellationError {
            return
        } catch {
            throw StartupError("the coordinator failed: \(error)")
        }
    }

    private static func makeSupervisor(
        _ configuration: CoordinatorConfiguration,
        _ directory: StateDirectory,
        _ logger: Logger
    ) throws(StartupError) -> Supervisor? {
        guard let supervision = configuration.supervision else { return nil }
        for binary in [supervision.workerBinary, supervision.gatewayBinary].compactMap(\.self)
        where access(binary, X_OK) != 0 {
            throw StartupError("\(binary) is not there or cannot be executed; give its path")
        }
        do {
            return try Supervisor(
                Supervisor.Configuration(
                    stateDirectory: directory.path,
                    stopDeadline: supervision.stopDeadline,
                    environment: ChildEnvironment.current(keyFile: configuration.keyFile)
                ),
                logger: logger
            )
        } catch {
            throw StartupError("\(error)")
        }
    }

    private static func every(_ interval: Duration, _ body: () async -> Void) async {
        while !Task.isCancelled {
            await body()
            try? await Task.sleep(for: interval)
        }
    }
}
