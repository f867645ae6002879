import CCurl
import EventLoop

/// One multi handle, its transfers and its sockets. Lives on the loop's thread alone.
///
/// Everything that happens in one round of the loop is finished in one *turn*: new requests are taken in, libcurl's
/// timers served, finished transfers collected, waiting ones started, the sockets' changes applied, and each exchange
/// woken once.
final class Transfers {
    private let configuration: HTTPConfiguration
    private let loop: EventLoop
    private let multi: CurlMulti
    private var sockets = SocketTable()
    private var active: [CurlEasy] = []
    private var idle: [CurlEasy] = []
    private var waiting: WaitingLine<Submission>
    /// No active transfer expires before this. libcurl's own timeout leaves out transfers that wait for a connection.
    private var nextExpiry: ContinuousClock.Instant?
    private var touched: [HTTPExchange] = []
    private var isEnded = false

    private var requestedTurn: EventLoop.Timer?
    /// libcurl's own timer: due now, or at a time.
    private var isTimeoutDue = false
    private var timeoutAt: ContinuousClock.Instant?
    private var timer: (id: EventLoop.Timer, at: ContinuousClock.Instant)?

    init?(_ configuration: HTTPConfiguration, loop: EventLoop) {
        guard let multi = CurlMulti(configuration) else { return nil }
        self.configuration = configuration
        self.loop = loop
        self.multi = multi
        waiting = WaitingLine(bound: configuration.maximumWaiting)
        multi.setOwner(self)
    }

    // MARK: Requests

    func enqueue(_ submission: Submission) {
        if !waiting.append(submission, expires: submission.expires) {
            finish(submission, .failure(submission.failure(.overloaded)))
        }
    }

    func cancel(_ cancellation: Cancellation) {
        for submission in waiting.removeAll(where: cancellation.covers) {
            finish(submission, .failure(submission.failure(.cancelled)))
        }
        abort(because: .cancelled, cancellation.covers)
    }

    private func startWaiting() {
        while active.count < configuration.maximumTransfers, let submission = waiting.popFirst() {
            guard let easy = idle.popLast() ?? CurlEasy(configuration, owner: self) else {
                finish(submission, .failure(submission.failure(.system)))
                continue
            }
            if let problem = easy.prepare(submission) {
                finish(submission, .failure(problem))
                keep(easy)
                continue
            }
            easy.index = active.count
            active.append(easy)
            nextExpiry = nextExpiry.map { min($0, submission.expires) } ?? submission.expires
            if let problem = multi.add(easy) { retire(easy, .failure(submission.failure(.system, problem))) }
        }
    }

    private func expire(now: ContinuousClock.Instant) {
        for submission in waiting.removeExpired(now: now) {
            finish(submission, .failure(submission.failure(.deadline, "it waited too long for its turn")))
        }
        guard let due = nextExpiry, due <= now else { return }
        abort(because: .deadline) { $0.expires <= now }
        nextExpiry = active.lazy.compactMap { $0.submission?.expires }.min()
    }

    private func abort(because code: HTTPError.Code, _ isMeant: (Submission) -> Bool) {
        // Backwards: the last handle moves into the place of one that is taken out.
        for index in active.indices.reversed() {
            let easy = active[index]
            guard let submission = easy.submission, isMeant(submission) else { continue }
            let endpoint = HTTPEndpoint.of(submission.request.url)
            let detail = code == .deadline && !easy.hasSent ? "not yet connected" : ""
            retire(
                easy,
                .failure(HTTPError(code: code, endpoint: endpoint, detail: detail, mayHaveArrived: easy.hasSent))
            )
        }
    }

    private func collectFinished() {
        while let (easy, code) = multi.nextFinished() {
            retire(easy, easy.result(code))
        }
    }

    private func retire(_ easy: CurlEasy, _ result: Result<HTTPResponse, HTTPError>) {
        multi.remove(easy)
        let last = active.removeLast()
        if last !== easy {
            active[easy.index] = last
            last.index = easy.index
        }
        if let submission = easy.finish() { finish(submission, result) }
        keep(easy)
    }

    private func keep(_ easy: CurlEasy) {
        if idle.count < configuration.idleHandles { idle.append(easy) }
    }

    private func finish(_ submission: Submission, _ result: Result<HTTPResponse, HTTPError>) {
        if let exchange = submission.finish(result) { touched.append(exchange) }
    }

    // MARK: Turns

    /// A turn after all sockets that are ready now have been served.
    private func requestTurn() {
        if requestedTurn != nil || isEnded { return }
        requestedTurn = loop.schedule(after: .zero) { [self] in
            requestedTurn = nil
            turn()
        }
    }

    /// - Parameter takeInbox: hands in what other threads left.
    func turn(taking takeInbox: () -> Void = {}) {
        takeInbox()
        if isEnded { return }
        collectFinished()
        expire(now: .now)
        // libcurl asks for an immediate timeout with each transfer that starts. The bound lets sockets have their turn.
        for _ in 0..<16 {
            collectFinished()
            startWaiting()
            guard isTimeoutDue else { break }
            isTimeoutDue = false
            multi.timeout()
        }
        collectFinished()
        if isTimeoutDue { requestTurn() }
        sockets.takeChanges(apply)
        armTimer()
        for exchange in touched { exchange.wake() }
        touched.removeAll(keepingCapacity: true)
    }

    private func armTimer() {
        var due = timeoutAt
        for expiry in [waiting.nextExpiry, nextExpiry] {
            if let expiry { due = due.map { min($0, expiry) } ?? expiry }
        }
        guard let due else { return }
        if let timer {
            // A timer that fires too early looks again; only one that would fire too late is replaced.
            if timer.at <= due { return }
            loop.cancel(timer.id)
        }
        let id = loop.schedule(after: due - .now) { [self] in
            timer = nil
            if let at = timeoutAt, at <= .now {
                timeoutAt = nil
                isTimeoutDue = true
            }
            turn()
        }
        timer = (id, due)
    }

    // MARK: What libcurl asks for

    func setTimeout(milliseconds: Int) {
        isTimeoutDue = milliseconds == 0
        timeoutAt = milliseconds > 0 ? .now + .milliseconds(milliseconds) : nil
    }

    func want(_ interest: EventLoop.Interest, of socket: Int32) { sockets.want(interest, of: socket).map(apply) }
    func opened(_ socket: Int32) { sockets.opened(socket).map(apply) }
    func closing(_ socket: Int32) { sockets.closing(socket).map(apply) }

    private func apply(_ change: SocketTable.Change) {
        switch change {
        case .unwatch(let socket): loop.unwatch(socket)
        case .watch(let socket, let interest):
            loop.watch(socket, for: interest) { [self] ready in
                multi.act(socket, ready)
                requestTurn()
            }
        }
    }

    // MARK: The end

    func end() {
        isEnded = true
        for submission in waiting.removeAll(where: { _ in true }) {
            finish(submission, .failure(submission.failure(.shutDown)))
        }
        abort(because: .shutDown) { _ in true }
        for exchange in touched { exchange.wake() }
        touched = []
        idle = []
        multi.close()
        sockets.takeChanges(apply)
        // What the loop keeps would keep this, and this keeps the loop.
        if let timer { loop.cancel(timer.id) }
        if let requestedTurn { loop.cancel(requestedTurn) }
    }
}
