/// A request on its way into the loop, and where its result goes.
struct Submission {
    let id: UInt64
    let request: HTTPRequest
    let expires: ContinuousClock.Instant
    let destination: Destination

    enum Destination {
        case once(CheckedContinuation<Result<HTTPResponse, HTTPError>, Never>)
        case exchange(HTTPExchange, tag: Int)
    }

    func failure(_ code: HTTPError.Code, _ detail: String = "") -> HTTPError {
        HTTPError(code: code, endpoint: HTTPEndpoint.of(request.url), detail: detail)
    }
}

/// Which submissions to abort.
enum Cancellation {
    case one(UInt64)
    case all(of: ObjectIdentifier)

    func covers(_ submission: Submission) -> Bool {
        switch (self, submission.destination) {
        case (.one(let id), _): submission.id == id
        case (.all(let exchange), .exchange(let its, _)): ObjectIdentifier(its) == exchange
        case (.all, .once): false
        }
    }
}

/// What other threads leave for the loop. Filled under a lock, taken whole.
struct Inbox {
    var submissions: [Submission] = []
    var cancellations: [Cancellation] = []
    var isStopping = false
    /// The loop has ended: nothing left here will be read.
    var isClosed = false
    /// The loop has been told that something is here, and has not looked yet.
    var isAnnounced = false
    var stopped: [CheckedContinuation<Void, Never>] = []
}
