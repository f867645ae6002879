import EventLoop
import Glibc
import Synchronization

/// The loop's way in: other threads leave requests in an inbox and announce them, once for all that arrive before the
/// loop looks.
final class TransferLoop: @unchecked Sendable {
    // @unchecked: `inbox` and `lastID` are synchronised, `loop` and `configuration` are constants, and `transfers` is
    // touched on the loop's thread alone: by what runs through `loop.execute`, and from there by watches and timers.

    private let loop: EventLoop
    private let configuration: HTTPConfiguration
    private let inbox = Mutex<Inbox>(Inbox())
    private let lastID = Atomic<UInt64>(0)
    private let transfers: Transfers

    init(_ configuration: HTTPConfiguration) throws(HTTPError) {
        if let file = configuration.caFile, access(file, R_OK) != 0 {
            throw HTTPError(code: .tls, endpoint: "", detail: "cannot read the CA file \(file)")
        }
        do throws(EventLoopError) {
            loop = try EventLoop(name: "http")
        } catch {
            throw HTTPError(code: .system, endpoint: "", detail: error.description)
        }
        guard let transfers = Transfers(configuration, loop: loop) else {
            loop.shutdown()
            throw HTTPError(code: .system, endpoint: "", detail: "libcurl cannot start")
        }
        self.transfers = transfers
        self.configuration = configuration
    }

    // MARK: Any thread

    func nextID() -> UInt64 { lastID.add(1, ordering: .relaxed).newValue }

    func submit(_ request: HTTPRequest, _ destination: Submission.Destination, id: UInt64) {
        let expires = ContinuousClock.now + request.deadline
        let submission = Submission(id: id, request: request, expires: expires, destination: destination)
        leave([submission])
    }

    func submit(_ requests: [(HTTPRequest, Submission.Destination)]) {
        let now = ContinuousClock.now
        leave(
            requests.map { request, destination in
                Submission(id: 0, request: request, expires: now + request.deadline, destination: destination)
            }
        )
    }

    private func leave(_ submissions: [Submission]) {
        guard !submissions.isEmpty else { return }
        var refusal = HTTPError.Code.shutDown
        let (isAccepted, mustAnnounce) = inbox.withLock { inbox in
            if inbox.isStopping { return (false, false) }
            if inbox.submissions.count + submissions.count > configuration.maximumWaiting {
                refusal = .overloaded
                return (false, false)
            }
            inbox.submissions.append(contentsOf: submissions)
            return (true, inbox.announce())
        }
        if mustAnnounce { announce() }
        guard !isAccepted else { return }
        let touched = submissions.compactMap { $0.finish(.failure($0.failure(refusal))) }
        for exchange in touched { exchange.wake() }
    }

    func cancel(_ cancellation: Cancellation) {
        let mustAnnounce = inbox.withLock { inbox in
            if inbox.isStopping { return false }
            inbox.cancellations.append(cancellation)
            return inbox.announce()
        }
        if mustAnnounce { announce() }
    }

    /// - Parameter continuation: resumed when nothing of the transport is left.
    func stop(_ continuation: CheckedContinuation<Void, Never>?) {
        let (isClosed, mustAnnounce) = inbox.withLock { inbox in
            if inbox.isClosed { return (true, false) }
            inbox.isStopping = true
            if let continuation { inbox.stopped.append(continuation) }
            return (false, inbox.announce())
        }
        if isClosed { continuation?.resume() }
        if mustAnnounce { announce() }
    }

    private func announce() {
        loop.execute { self.transfers.turn(taking: self.takeInbox) }
    }

    // MARK: The loop's thread

    private func takeInbox() {
        let (submissions, cancellations, isStopping) = inbox.withLock { inbox in
            let taken = (inbox.submissions, inbox.cancellations, inbox.isStopping)
            inbox.submissions = []
            inbox.cancellations = []
            inbox.isAnnounced = false
            return taken
        }
        for submission in submissions { transfers.enqueue(submission) }
        for cancellation in cancellations { transfers.cancel(cancellation) }
        if isStopping { end() }
    }

    private func end() {
        transfers.end()
        let stopped = inbox.withLock { inbox in
            inbox.isClosed = true
            defer { inbox.stopped = [] }
            return inbox.stopped
        }
        loop.shutdown()
        for continuation in stopped { continuation.resume() }
    }
}

extension Inbox {
    /// - Returns: whether the loop has to be told.
    fileprivate mutating func announce() -> Bool {
        defer { isAnnounced = true }
        return !isAnnounced
    }
}

extension Submission {
    /// Hands the result over.
    /// - Returns: an exchange that must be woken for it, once for all results of the moment.
    func finish(_ result: Result<HTTPResponse, HTTPError>) -> HTTPExchange? {
        switch destination {
        case .once(let continuation):
            continuation.resume(returning: result)
            return nil
        case .exchange(let exchange, let tag):
            return exchange.add(HTTPCompletion(tag: tag, result: result)) ? exchange : nil
        }
    }
}
