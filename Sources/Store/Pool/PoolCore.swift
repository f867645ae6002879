import EventLoop
import Logging

/// Carries out what the pool's state machine decides, on the loop's thread.
actor PoolCore {
    typealias ConnectionID = PoolStateMachine.ConnectionID
    typealias WaiterID = PoolStateMachine.WaiterID

    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    private let configuration: StoreConfiguration
    private let logger: Logger
    private var machine: PoolStateMachine
    private var connections: [ConnectionID: PostgresConnection] = [:]
    private var waiters: [WaiterID: CheckedContinuation<Result<ConnectionID, StoreError>, Never>] = [:]
    private var lastWaiter: WaiterID = 0
    private var backoff = Backoff(floor: .milliseconds(50), cap: .seconds(2))
    private var lastFailure: StoreError?
    private var timer: (timer: EventLoop.Timer, at: ContinuousClock.Instant)?
    private var isFinished = false
    private var finishers: [CheckedContinuation<Void, Never>] = []

    init(_ configuration: StoreConfiguration, loop: EventLoop, logger: Logger) {
        self.configuration = configuration
        self.loop = loop
        self.logger = logger
        machine = PoolStateMachine(
            .init(
                minimum: min(configuration.minConnections, configuration.maxConnections),
                maximum: max(1, configuration.maxConnections), waiters: max(1, configuration.maxWaiters),
                idleTimeout: configuration.idleTimeout, healthCheckAfter: configuration.healthCheckAfter))
    }

    // Not in `shutDown`: a call that came after it would wait for a thread that is gone.
    deinit { loop.shutdown() }

    /// Shortly after the server's own timeout, which leaves the outcome known.
    private var pipelineTimeout: Duration {
        configuration.throughPooler ? configuration.statementTimeout : configuration.statementTimeout + .seconds(5)
    }

    func start() { perform(machine.start(now: .now)) }

    /// Refuses new callers and returns when the last connection is closed.
    func shutDown() async {
        perform(machine.shutDown())
        if isFinished { return }
        await withCheckedContinuation { finishers.append($0) }
    }

    // MARK: Work

    func pipeline(_ statements: [Statement], idempotent: Bool) async throws(StoreError) -> [QueryResult] {
        var mayRepeat = idempotent
        while true {
            let id = try await acquire()
            let result = await run(statements, on: id)
            release(id)
            switch result {
            case .success(let results): return results
            case .failure(let error):
                guard mayRepeat, error.disposition == .reconnect, !Task.isCancelled else { throw error }
                mayRepeat = false
            }
        }
    }

    /// On a connection that was acquired. It is not cancelled with the caller: a half-read connection is of no use to
    /// anybody, and a transaction's outcome is worth knowing. The statement timeout bounds it.
    func run(_ statements: [Statement], on id: ConnectionID) async -> Result<[QueryResult], StoreError> {
        guard let connection = connections[id] else { return .failure(Self.gone) }
        return await withCheckedContinuation { continuation in
            connection.pipeline(statements, timeout: pipelineTimeout) { continuation.resume(returning: $0) }
        }
    }

    func script(_ sql: String, timeout: Duration, on id: ConnectionID) async throws(StoreError) {
        guard let connection = connections[id] else { throw Self.gone }
        let result = await withCheckedContinuation { continuation in
            connection.script(sql, timeout: timeout) { continuation.resume(returning: $0) }
        }
        _ = try result.get()
    }

    private static let gone = StoreError(.unreachable, "the database connection is gone")

    // MARK: Acquiring

    func acquire() async throws(StoreError) -> ConnectionID {
        lastWaiter += 1
        let waiter = lastWaiter
        let now = ContinuousClock.now
        switch machine.acquire(waiter, deadline: now + configuration.acquireTimeout, now: now) {
        case .granted(let id): return id
        case .refused(.shutDown): throw Self.shutDown
        case .refused(.tooManyWaiters):
            throw StoreError(
                .poolExhausted, "\(configuration.maxWaiters) callers wait for a database connection already")
        case .queued(let actions):
            let result = await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    waiters[waiter] = continuation
                    perform(actions)
                }
            } onCancel: {
                Task { await self.cancel(waiter) }
            }
            return try result.get()
        }
    }

    func release(_ id: ConnectionID) {
        perform(machine.released(id, reusable: connections[id]?.isReusable ?? false, now: .now))
    }

    /// Gives a connection back whose session must not be used by anybody else.
    func discard(_ id: ConnectionID) {
        perform(machine.released(id, reusable: false, now: .now))
    }

    private func cancel(_ waiter: WaiterID) {
        guard machine.cancel(waiter) else { return }
        resume(waiter, .failure(StoreError(.cancelled, "cancelled while waiting for a database connection")))
    }

    private static let shutDown = StoreError(.shutDown, "the database was shut down")

    // MARK: Actions

    private func perform(_ actions: [PoolStateMachine.Action]) {
        for action in actions {
            switch action {
            case .connect(let id): connect(id)
            case .check(let id): check(id)
            case .close(let id): connections.removeValue(forKey: id)?.close()
            case .grant(let waiter, let id): resume(waiter, .success(id))
            case .fail(let waiter, let failure): resume(waiter, .failure(error(for: failure)))
            case .finished:
                isFinished = true
                for finisher in finishers { finisher.resume() }
                finishers.removeAll()
            }
        }
        armTimer()
    }

    private func resume(_ waiter: WaiterID, _ result: Result<ConnectionID, StoreError>) {
        waiters.removeValue(forKey: waiter)?.resume(returning: result)
    }

    private func error(for failure: PoolStateMachine.Failure) -> StoreError {
        switch failure {
        case .shutDown: Self.shutDown
        case .unreachable: lastFailure ?? Self.gone
        case .deadline:
            lastFailure
                ?? StoreError(
                    .poolExhausted,
                    """
                    no database connection became free within \(configuration.acquireTimeout); \
                    all \(configuration.maxConnections) are in use
                    """)
        }
    }

    private func connect(_ id: ConnectionID) {
        let connection = PostgresConnection(configuration, loop: loop)
        connections[id] = connection
        connection.onLost = { [weak self] error in self?.assumeIsolated { $0.lost(id, error) } }
        connection.connect { [weak self] result in self?.assumeIsolated { $0.connected(id, result) } }
    }

    private func connected(_ id: ConnectionID, _ result: Result<[QueryResult], StoreError>) {
        switch result {
        case .success:
            backoff.reset()
            lastFailure = nil
            perform(machine.connected(id, now: .now))
        case .failure(let error):
            connections[id] = nil
            // Closed by ourselves at shutdown.
            if error.code != .shutDown {
                lastFailure = error
                logger.warning("database connection failed", metadata: ["error": "\(error)"])
            }
            perform(machine.connectFailed(id, retryAfter: backoff.next(), now: .now))
        }
    }

    private func lost(_ id: ConnectionID, _ error: StoreError) {
        logger.notice("idle database connection lost", metadata: ["error": "\(error.message)"])
        perform(machine.lost(id, now: .now))
    }

    /// An empty round trip.
    private func check(_ id: ConnectionID) {
        connections[id]?.pipeline([], timeout: configuration.connectTimeout) { [weak self] result in
            self?.assumeIsolated { core in
                switch result {
                case .success: core.perform(core.machine.checked(id, now: .now))
                case .failure: core.perform(core.machine.lost(id, now: .now))
                }
            }
        }
    }

    // MARK: Time

    /// The timer is only ever moved forward. One that fires too early looks again.
    private func armTimer() {
        guard let next = machine.nextDeadline else { return }
        if let timer {
            if timer.at <= next { return }
            loop.cancel(timer.timer)
        }
        let delay = max(.zero, ContinuousClock.now.duration(to: next))
        let armed = loop.schedule(after: delay) { [weak self] in self?.assumeIsolated { $0.timerFired() } }
        timer = (armed, next)
    }

    private func timerFired() {
        timer = nil
        perform(machine.tick(now: .now))
    }
}
