import Synchronization

/// The result of one request of an ``HTTPExchange``.
public struct HTTPCompletion: Sendable {
    /// What the submitter named it.
    public let tag: Int
    public let result: Result<HTTPResponse, HTTPError>

    public init(tag: Int, result: Result<HTTPResponse, HTTPError>) {
        self.tag = tag
        self.result = result
    }
}

/// Many requests at once: hand batches in, pull results out as they come, in the order in which they finish.
///
/// A batch crosses into the loop in one hop, and results that became ready together come back together. The number of
/// requests in flight is the submitter's choice, so the results that can wait here are bounded by it.
public final class HTTPExchange: Sendable {
    private let core: TransferLoop
    private let state = Mutex<State>(State())

    fileprivate struct State {
        var ready: [HTTPCompletion] = []
        var waiter: CheckedContinuation<[HTTPCompletion], Never>?
        var outstanding = 0
        var isClosed = false
        /// Results were added since the last wake.
        var isTouched = false
    }

    init(core: TransferLoop) { self.core = core }

    /// Requests submitted whose results have not been pulled.
    public var outstanding: Int { state.withLock { $0.outstanding } }

    /// Starts the requests; tags come back with the results. After ``close()`` every one fails as cancelled.
    public func submit(_ requests: [(tag: Int, request: HTTPRequest)]) {
        let isClosed = state.withLock { state in
            state.outstanding += requests.count
            return state.isClosed
        }
        core.submit(requests.map { ($0.request, .exchange(self, tag: $0.tag)) })
        if isClosed { core.cancel(.all(of: ObjectIdentifier(self))) }
    }

    /// Waits for at least one result and takes all there are. One caller at a time.
    /// - Returns: empty when the calling task was cancelled, and after ``close()`` when all results have been taken.
    public func next() async -> [HTTPCompletion] {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let taken: [HTTPCompletion]? = state.withLock { state in
                    precondition(state.waiter == nil, "HTTPExchange.next() has one caller at a time")
                    if let ready = state.take() { return ready }
                    if Task.isCancelled { return [] }
                    state.waiter = continuation
                    return nil
                }
                if let taken { continuation.resume(returning: taken) }
            }
        } onCancel: {
            let waiter = state.withLock { $0.waiter.take() }
            waiter?.resume(returning: [])
        }
    }

    /// Aborts what is outstanding; the results, cancelled ones among them, can still be pulled. Idempotent.
    public func close() {
        state.withLock { $0.isClosed = true }
        core.cancel(.all(of: ObjectIdentifier(self)))
        wake()
    }

    // MARK: The loop's side

    /// - Returns: whether this is the first since the last ``wake()``, which must follow.
    func add(_ completion: HTTPCompletion) -> Bool {
        state.withLock { state in
            state.ready.append(completion)
            defer { state.isTouched = true }
            return !state.isTouched
        }
    }

    /// Hands everything added to whoever waits.
    func wake() {
        let (waiter, ready) = state.withLock { state in
            state.isTouched = false
            guard state.waiter != nil, let ready = state.take() else { return Delivery(nil, []) }
            return Delivery(state.waiter.take(), ready)
        }
        waiter?.resume(returning: ready)
    }

    private typealias Delivery = (CheckedContinuation<[HTTPCompletion], Never>?, [HTTPCompletion])
}

extension HTTPExchange.State {
    /// Everything ready; an empty array at the end; `nil`: wait.
    mutating func take() -> [HTTPCompletion]? {
        if ready.isEmpty { return isClosed && outstanding == 0 ? [] : nil }
        outstanding -= ready.count
        defer { ready = [] }
        return ready
    }
}
