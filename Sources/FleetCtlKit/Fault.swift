/// What ends a command: one line for stderr that says what happened, where and what to do, and the exit status.
public struct Fault: Error, Sendable, CustomStringConvertible {
    public let message: String
    public let status: ExitStatus

    public init(_ message: String, status: ExitStatus = .error) {
        self.message = message
        self.status = status
    }

    public var description: String { message }
}

/// Exit statuses of `fleetctl`, the same for every command.
public enum ExitStatus: Int32, Sendable {
    case ok = 0
    /// It was not done; stderr says why.
    case error = 1
    /// The command line was not understood.
    case usage = 2
    /// It was sent, and somebody did not apply it: refused, late or missing.
    case notApplied = 3
}
