import FleetModel

/// Where a migration stands in a database.
public struct MigrationStatus: Sendable, Equatable {
    public enum State: Sendable, Equatable {
        case pending
        case applied(at: Timestamp, milliseconds: Int64)
        /// Applied, but from a file with another checksum.
        case changed(at: Timestamp)
        /// Applied by a newer binary; this one does not know it.
        case unknown(at: Timestamp)
    }
    public let number: Int
    public let name: String
    public let state: State
}

/// Brings the schema up and down. Only one migrator works on a schema at a time; others wait for it.
public struct Migrator: Sendable {
    let database: Database
    let migrations: [Migration]

    /// With the migrations compiled into this binary.
    public init(_ database: Database) {
        self.init(database, migrations: Migration.embedded)
    }

    init(_ database: Database, migrations: [Migration]) {
        self.database = database
        self.migrations = migrations
    }

    /// How long to wait for another migrator.
    public var lockTimeout: Duration = .seconds(60)

    /// Every migration known here or applied there, by number.
    public func status() async throws(StoreError) -> [MigrationStatus] { throw StoreError(.unreachable, "") }

    /// Applies what is pending, up to and including `number`.
    /// - Parameter dryRun: changes nothing; the result is what would be done.
    /// - Returns: what was applied, in order.
    @discardableResult
    public func up(to number: Int? = nil, dryRun: Bool = false) async throws(StoreError) -> [Migration] {
        throw StoreError(.unreachable, "")
    }

    /// Takes back the newest `steps` migrations, newest first.
    @discardableResult
    public func down(steps: Int = 1, dryRun: Bool = false) async throws(StoreError) -> [Migration] {
        throw StoreError(.unreachable, "")
    }

    /// One line for each thing that is wrong; empty when the schema is what this binary expects. Pending counts as wrong.
    public func verify() async throws(StoreError) -> [String] { throw StoreError(.unreachable, "") }
}
