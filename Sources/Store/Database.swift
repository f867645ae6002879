import EventLoop
import Logging
import Synchronization

/// The database: a pool of connections served by one thread.
///
/// Call ``shutdown()`` at the end, so that what is under way can finish.
public final class Database: Sendable {
    public let configuration: StoreConfiguration
    let logger: Logger
    private let core: PoolCore

    /// Starts the thread; connects when the first call needs it, or at once with `minConnections`.
    public init(_ configuration: StoreConfiguration, logger: Logger) throws(StoreError) {
        if configuration.throughPooler, configuration.schema != nil {
            throw StoreError(.invalidConfiguration, "a schema cannot be set through a pooler; set it for the role")
        }
        let loop: EventLoop
        do {
            loop = try EventLoop(name: "store")
        } catch {
            throw StoreError(.invalidConfiguration, "\(error)")
        }
        self.configuration = configuration
        self.logger = logger
        let core = PoolCore(configuration, loop: loop, logger: logger)
        self.core = core
        if configuration.minConnections > 0 { Task { await core.start() } }
    }

    /// Refuses new calls, lets those under way finish, and closes all connections. Idempotent.
    /// The thread ends with the last reference to the database.
    public func shutdown() async {
        await core.shutDown()
    }

    /// Runs the statements as one transaction in one round trip: all of them take effect or none.
    ///
    /// Cancelling the caller does not interrupt a transaction under way; it ends the wait for a connection.
    /// - Parameter idempotent: doing it twice is as good as once, so after a lost connection it is done again (once).
    /// - Returns: one result a statement, in their order.
    /// - Throws: the error of the first statement that failed. With `outcomeUnknown` the transaction may have been
    ///   committed.
    public func pipeline(
        _ statements: [Statement], idempotent: Bool = false
    ) async throws(StoreError) -> [QueryResult] {
        try await core.pipeline(statements, idempotent: idempotent)
    }

    /// One statement in a transaction of its own.
    public func query(_ statement: Statement, idempotent: Bool = false) async throws(StoreError) -> QueryResult {
        let results = try await pipeline([statement], idempotent: idempotent)
        guard let result = results.first else { throw StoreError(.protocolViolation, "a statement had no result") }
        return result
    }

    /// Lends one connection for several round trips, for what belongs to a session: advisory locks, or a transaction
    /// with `BEGIN` and `COMMIT` of its own. A connection given back inside a transaction is closed, which rolls back.
    public func withConnection<Value>(
        _ body: (Lease) async throws -> Value
    ) async throws -> Value {
        let id = try await core.acquire()
        let lease = Lease(core: core, id: id)
        do {
            let value = try await body(lease)
            lease.end()
            await core.release(id)
            return value
        } catch {
            lease.end()
            await core.discard(id)
            throw error
        }
    }

    /// A connection on loan. It is of no use once the body it was lent to has returned.
    public final class Lease: Sendable {
        private let core: PoolCore
        private let id: PoolStateMachine.ConnectionID
        private let isOver = Atomic<Bool>(false)

        fileprivate init(core: PoolCore, id: PoolStateMachine.ConnectionID) {
            self.core = core
            self.id = id
        }

        /// As ``Database/pipeline(_:idempotent:)``, on this connection.
        public func pipeline(_ statements: [Statement]) async throws(StoreError) -> [QueryResult] {
            try check()
            return try await core.run(statements, on: id).get()
        }

        public func query(_ statement: Statement) async throws(StoreError) -> QueryResult {
            guard let result = try await pipeline([statement]).first else {
                throw StoreError(.protocolViolation, "a statement had no result")
            }
            return result
        }

        /// Several statements as one text, in one transaction unless the text says otherwise; no results.
        public func script(_ sql: String, timeout: Duration) async throws(StoreError) {
            try check()
            try await core.script(sql, timeout: timeout, on: id)
        }

        fileprivate func end() { isOver.store(true, ordering: .releasing) }

        private func check() throws(StoreError) {
            if isOver.load(ordering: .acquiring) {
                throw StoreError(.shutDown, "this connection was given back to the pool")
            }
        }
    }
}

extension Database {
    /// Listens on a connection and thread of its own, apart from the pool. It needs a direct URL, without a pooler.
    public func listen(_ channels: [String]) async throws(StoreError) -> Notifications {
        if configuration.throughPooler {
            throw StoreError(.invalidConfiguration, "LISTEN does not work through a pooler; use a direct database URL")
        }
        let loop: EventLoop
        do {
            loop = try EventLoop(name: "store-listen")
        } catch {
            throw StoreError(.invalidConfiguration, "\(error)")
        }
        let notifications = Notifications(configuration, loop: loop)
        try await notifications.start(channels)
        return notifications
    }
}
