import EventLoop
import Logging

/// The database: a pool of connections over one thread.
public final class Database: Sendable {
    public let configuration: StoreConfiguration
    let logger: Logger

    /// Starts the thread; connects when the first call needs it.
    public init(_ configuration: StoreConfiguration, logger: Logger) throws(StoreError) {
        self.configuration = configuration
        self.logger = logger
    }

    /// Refuses new calls, lets those under way finish, closes all connections and ends the thread. Idempotent.
    public func shutdown() async {}

    /// Runs the statements as one transaction in one round trip: all of them take effect or none.
    ///
    /// Cancelling the caller does not interrupt a transaction under way; it ends the wait for a connection.
    /// - Parameter idempotent: doing it twice is as good as once, so after a lost connection it is done again (once).
    /// - Returns: one result a statement, in their order.
    /// - Throws: the error of the first statement that failed. With `outcomeUnknown` the transaction may have been
    ///   committed.
    public func pipeline(
        _ statements: [Statement],
        idempotent: Bool = false
    ) async throws(StoreError) -> [QueryResult] {
        throw StoreError(.unreachable, "not connected")
    }

    /// One statement in a transaction of its own.
    public func query(_ statement: Statement, idempotent: Bool = false) async throws(StoreError) -> QueryResult {
        let results = try await pipeline([statement], idempotent: idempotent)
        guard let result = results.first else { throw StoreError(.protocolViolation, "a statement had no result") }
        return result
    }
}
