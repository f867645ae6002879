/// `POST /v1/shutdown`: ends the coordinator, and on request the processes it supervises.
public struct ShutdownRequest: Sendable, Codable, Equatable {
    /// Stops the supervised workers and gateways first; otherwise they go on.
    public var workers: Bool

    public init(workers: Bool) { self.workers = workers }
}

/// What was stopped. It is answered after the supervised processes have ended and before the coordinator ends.
public struct ShutdownView: Sendable, Codable, Equatable {
    /// Names of the processes that were stopped.
    public var stopped: [String]

    public init(stopped: [String]) { self.stopped = stopped }
}
