/// What went wrong at the database. One line, safe to log: it never holds a password or a row's content.
public struct StoreError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Code: Sendable, Equatable {
        /// The connection string or a setting cannot be used.
        case invalidConfiguration
        /// No connection could be made, or the one in use was lost.
        case unreachable
        /// The server refused user or password.
        case authentication
        /// The server has no connection left for us (SQLSTATE 53300).
        case tooManyConnections
        /// A statement or the answer to it took longer than allowed.
        case timeout
        /// No connection of the pool became free before the deadline.
        case poolExhausted
        case cancelled
        /// The database was shut down by its owner.
        case shutDown
        /// An integrity rule was broken (class 23); the text is the constraint's name.
        case constraint(String)
        /// The lane has a newer term: another worker owns it.
        case fenced
        /// The lane belongs to an epoch that is over for it; nobody owns it any more.
        case sealed
        /// An update of the settlement has taken effect already; nothing of the settlement did.
        case duplicateUpdates
        /// A row stayed locked for longer than `lock_timeout` (SQLSTATE 55P03).
        case lockTimeout
        /// The server's disk is full (SQLSTATE 53100).
        case diskFull
        /// What was asked for is not there.
        case notFound
        /// Somebody else changed it first.
        case conflict
        /// The schema is not what this binary expects.
        case migration
        /// A stored secret cannot be sealed or opened.
        case vault
        /// The server said something the protocol does not allow here.
        case protocolViolation
        /// Any other error of the server, by its SQLSTATE (PostgreSQL, appendix A).
        case server(String)
    }

    public enum Disposition: Sendable, Equatable {
        /// The connection is fine; the same call may work if it is made again.
        case retry
        /// The connection is gone; the pool makes a new one with the next call.
        case reconnect
        /// Trying again cannot help.
        case giveUp
    }

    public let code: Code
    public let message: String
    /// The connection was lost after the transaction had been sent: it may have been committed or not.
    public let outcomeUnknown: Bool

    public init(_ code: Code, _ message: String, outcomeUnknown: Bool = false) {
        self.code = code
        self.message = Self.cleaned(message)
        self.outcomeUnknown = outcomeUnknown
    }

    public var disposition: Disposition {
        switch code {
        case .unreachable, .tooManyConnections, .protocolViolation: .reconnect
        case .timeout: outcomeUnknown ? .reconnect : .retry
        case .poolExhausted, .lockTimeout, .diskFull, .conflict: .retry
        // Serialisation, deadlock, and a prepared statement that a pooler or a migration made stale.
        case .server("40001"), .server("40P01"), .server("0A000"), .server("26000"): .retry
        // Read-only: the server became a standby.
        case .server("25006"): .reconnect
        default: .giveUp
        }
    }

    public var description: String {
        outcomeUnknown ? "\(message) (whether the transaction was committed is unknown)" : message
    }

    /// One line without control characters, and not too long.
    private static func cleaned(_ text: String) -> String {
        var out = ""
        for scalar in text.unicodeScalars {
            if out.utf8.count > 500 { return out + "…" }
            out.unicodeScalars.append(scalar.value < 0x20 || scalar.value == 0x7f ? " " : scalar)
        }
        while out.last == " " { out.removeLast() }
        return out
    }
}
