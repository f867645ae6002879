/// Where the database is and how it is used.
public struct StoreConfiguration: Sendable {
    let connectionString: ConnectionString
    /// The schema to work in (`search_path`); `nil`: the role's own setting.
    public var schema: String?
    /// Connections kept open even when idle.
    public var minConnections = 0
    /// This process's share of the server's `max_connections`.
    public var maxConnections = 2
    /// Callers that may wait for a connection; the next one is refused at once.
    public var maxWaiters = 1024
    public var acquireTimeout: Duration = .seconds(5)
    /// An idle connection is closed after this time.
    public var idleTimeout: Duration = .seconds(30)
    /// A connection idle for longer than this answers an empty round trip before it is used.
    public var healthCheckAfter: Duration = .seconds(10)
    public var connectTimeout: Duration = .seconds(5)
    /// For one pipeline: the server's `statement_timeout`, and shortly after it our own deadline.
    public var statementTimeout: Duration = .seconds(30)
    public var applicationName = "fleet"
    /// Off for poolers that do not follow prepared statements (PgBouncer before 1.21).
    public var preparedStatements = true
    /// The URL leads to a pooler in transaction mode: nothing is set on the session, so `schema` must be `nil` and
    /// `statementTimeout` is held on this side alone.
    public var throughPooler = false

    /// - Parameter url: `postgres://…`, `postgresql://…` or libpq's `key=value` words (PostgreSQL manual, 34.1.1).
    /// - Throws: ``StoreError`` `.invalidConfiguration`, without the text of the URL.
    public init(url: String) throws(StoreError) {
        connectionString = try ConnectionString(url)
    }

    /// Host, port and database, for errors and logs: `127.0.0.1:5432/fleet`.
    public var endpoint: String { connectionString.endpoint }
}

extension StoreConfiguration: CustomStringConvertible, CustomReflectable {
    public var description: String { "PostgreSQL at \(endpoint)" }
    /// Mirrors leave the password out.
    public var customMirror: Mirror { Mirror(self, children: ["endpoint": endpoint]) }
}
