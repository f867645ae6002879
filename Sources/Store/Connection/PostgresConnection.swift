import CPostgres
import EventLoop

/// One connection, in pipeline mode. All of it runs on the loop's thread, one piece of work at a time.
final class PostgresConnection {
    typealias Completion = (Result<[QueryResult], StoreError>) -> Void

    enum Work {
        case connecting(Completion)
        case none
        case pipeline(Completion)
        case script(Completion, StoreError?)
        case closed
    }

    let loop: EventLoop
    let configuration: StoreConfiguration
    var handle: ConnectionHandle?
    var work = Work.none
    var run = PipelineRun<QueryResult>([])
    /// Statements the server knows by name.
    var prepared: Set<String> = []
    var scratch = ParameterScratch()
    /// The connection went away while nothing ran on it.
    var onLost: ((StoreError) -> Void)?
    var onNotification: ((_ channel: String, _ payload: String) -> Void)?

    private var watched: Int32 = -1
    private var interest: EventLoop.Interest = []
    private var deadline: ContinuousClock.Instant?
    private var timer: (timer: EventLoop.Timer, at: ContinuousClock.Instant)?

    init(_ configuration: StoreConfiguration, loop: EventLoop) {
        self.configuration = configuration
        self.loop = loop
    }

    /// Nothing runs on it, and no transaction was left open.
    var isReusable: Bool {
        guard let handle, case .none = work else { return false }
        return PQstatus(handle.raw) == CONNECTION_OK && PQtransactionStatus(handle.raw) == PQTRANS_IDLE
    }

    func connect(_ completion: @escaping Completion) {
        let parameters = configuration.connectionString.parameters(for: configuration)
        work = .connecting(completion)
        guard let handle = ConnectionHandle(starting: parameters) else {
            return finish(.failure(StoreError(.unreachable, "out of memory for a database connection")), close: true)
        }
        self.handle = handle
        // For the SQLSTATE of a refusal.
        PQsetErrorVerbosity(handle.raw, PQERRORS_VERBOSE)
        setDeadline(configuration.connectTimeout)
        if PQstatus(handle.raw) == CONNECTION_BAD { return connectFailed() }
        watch(.write)
    }

    /// Idempotent. What was running fails.
    func close() {
        if case .closed = work { return }
        finish(.failure(StoreError(.shutDown, "the database connection was closed", outcomeUnknown: true)), close: true)
    }

    // MARK: Readiness

    private func ready(_ ready: EventLoop.Interest) {
        switch work {
        case .connecting: pollConnect()
        case .closed: break
        case .none, .pipeline, .script:
            if ready.contains(.read) { receive() }
            if interest.contains(.write), ready.contains(.write) { flush() }
        }
    }

    private func pollConnect() {
        guard let handle else { return }
        // libpq may close the socket and open another one, which gets the same number.
        unwatch()
        switch PQconnectPoll(handle.raw) {
        case PGRES_POLLING_READING: watch(.read)
        case PGRES_POLLING_WRITING: watch(.write)
        case PGRES_POLLING_OK:
            PQsetErrorVerbosity(handle.raw, PQERRORS_DEFAULT)
            guard PQsetnonblocking(handle.raw, 1) == 0, PQenterPipelineMode(handle.raw) == 1 else {
                return connectFailed()
            }
            watch(.read)
            finish(.success([]), close: false)
        default: connectFailed()
        }
    }

    private func connectFailed() {
        let text = handle?.errorText ?? ""
        finish(.failure(.connecting(to: configuration.endpoint, libpq: text)), close: true)
    }

    func flush() {
        guard let handle else { return }
        switch PQflush(handle.raw) {
        case 0: watch(.read)
        case 1: watch([.read, .write])
        // libpq reports a broken connection when it reads, after whatever the server still had to say.
        default: watch(.read)
        }
    }

    private func receive() {
        guard let handle else { return }
        let alive = PQconsumeInput(handle.raw) == 1
        drainResults()
        if case .closed = work { return }
        while let notification = PQnotifies(handle.raw) {
            onNotification?(String(cString: notification.pointee.relname), String(cString: notification.pointee.extra))
            PQfreemem(notification)
        }
        if !alive || PQstatus(handle.raw) == CONNECTION_BAD { lost() }
    }

    private func lost() {
        let error = StoreError(
            .unreachable, "the connection to PostgreSQL at \(configuration.endpoint) was lost", outcomeUnknown: true)
        switch work {
        case .pipeline:
            guard case .finished(let result) = run.received(.lost(error)) else { return }
            finish(result, close: true)
        case .script(_, let failure): finish(.failure(failure ?? error), close: true)
        case .none:
            let callback = onLost
            finish(.failure(error), close: true)
            callback?(error)
        case .connecting, .closed: break
        }
    }

    // MARK: Ending work

    /// Hands the outcome over. The state is settled before, so the completion may start the next piece of work.
    func finish(_ result: Result<[QueryResult], StoreError>, close: Bool) {
        let ended = work
        deadline = nil
        if close {
            work = .closed
            if let timer { loop.cancel(timer.timer) }
            timer = nil
            unwatch()
            handle = nil
            onLost = nil
            onNotification = nil
        } else {
            work = .none
        }
        switch ended {
        case .connecting(let completion), .pipeline(let completion), .script(let completion, _): completion(result)
        case .none, .closed: break
        }
    }

    private func watch(_ wanted: EventLoop.Interest) {
        guard let descriptor = handle?.descriptor, descriptor >= 0 else { return }
        if watched == descriptor, interest == wanted { return }
        if watched != descriptor { unwatch() }
        watched = descriptor
        interest = wanted
        loop.watch(descriptor, for: wanted) { [weak self] in self?.ready($0) }
    }

    private func unwatch() {
        if watched >= 0 { loop.unwatch(watched) }
        watched = -1
        interest = []
    }

    // MARK: Deadline

    /// One timer outlives many pieces of work: moving it with each would cost more than letting it look again. It only
    /// ever moves forward.
    func setDeadline(_ timeout: Duration) {
        let instant = ContinuousClock.now + timeout
        deadline = instant
        if let timer {
            if timer.at <= instant { return }
            loop.cancel(timer.timer)
        }
        arm(instant, in: timeout)
    }

    private func arm(_ instant: ContinuousClock.Instant, in delay: Duration) {
        timer = (loop.schedule(after: delay) { [weak self] in self?.timerFired() }, instant)
    }

    private func timerFired() {
        timer = nil
        guard let deadline else { return }
        let left = ContinuousClock.now.duration(to: deadline)
        if left > .zero { return arm(deadline, in: left) }
        switch work {
        case .connecting:
            let text =
                "cannot connect to PostgreSQL at \(configuration.endpoint): no answer within \(configuration.connectTimeout)"
            finish(.failure(StoreError(.unreachable, text)), close: true)
        default:
            let text = "PostgreSQL at \(configuration.endpoint) did not answer within the deadline"
            let error = StoreError(.timeout, text, outcomeUnknown: true)
            guard case .pipeline = work else { return finish(.failure(error), close: true) }
            guard case .finished(let result) = run.received(.lost(error)) else { return }
            finish(result, close: true)
        }
    }
}
