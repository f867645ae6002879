import FleetModel
import Logging

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

/// Brings the schema up and down. Only one migrator works on a schema at a time; others wait for it, and then find
/// nothing left to do. It needs a direct URL, without a pooler.
public struct Migrator: Sendable {
    private let database: Database
    private let migrations: [Migration]
    /// How long to wait for another migrator.
    public var lockTimeout: Duration = .seconds(60)
    /// How long one migration may take.
    public var stepTimeout: Duration = .seconds(3600)

    /// - Parameter migrations: those compiled into this binary, unless given.
    public init(_ database: Database, migrations: [Migration] = Migration.embedded) {
        self.database = database
        self.migrations = migrations
    }

    /// Every migration known here or applied there, by number.
    public func status() async throws(StoreError) -> [MigrationStatus] { try await plan().statuses }

    /// One line for each thing that is wrong; empty when the schema is what this binary expects. Pending ones count.
    public func verify() async throws(StoreError) -> [String] {
        let plan = try await plan()
        return plan.conflicts
            + plan.statuses.filter { $0.state == .pending }.map {
                "migration \($0.label) is pending; run: fleetctl migrate up"
            }
    }

    /// Applies what is pending, up to and including `number`.
    /// - Parameter dryRun: changes nothing; the result is what would be done.
    /// - Returns: what was applied, in order.
    /// - Throws: `.migration` naming the file and the server's reason. Those before it stay applied.
    @discardableResult
    public func up(to number: Int? = nil, dryRun: Bool = false) async throws(StoreError) -> [Migration] {
        try await perform("up", dryRun: dryRun) { plan throws(StoreError) in try plan.up(to: number) }
    }

    /// Takes back the newest `steps` migrations, newest first.
    @discardableResult
    public func down(steps: Int = 1, dryRun: Bool = false) async throws(StoreError) -> [Migration] {
        try await perform("down", dryRun: dryRun) { plan throws(StoreError) in try plan.down(steps: steps) }
    }

    // MARK: Inside

    private func plan() async throws(StoreError) -> MigrationPlan {
        guard try await database.query(MigrationHistory.exists, idempotent: true).first?.bool(0) == true else {
            return MigrationPlan(known: migrations, applied: [])
        }
        let result = try await database.query(MigrationHistory.applied, idempotent: true)
        return MigrationPlan(known: migrations, applied: MigrationHistory.entries(result))
    }

    private func perform(
        _ direction: String, dryRun: Bool,
        _ choose: @Sendable (MigrationPlan) throws(StoreError) -> [Migration]
    ) async throws(StoreError) -> [Migration] {
        if dryRun { return try choose(await plan()) }
        if database.configuration.throughPooler {
            throw StoreError(
                .invalidConfiguration, "migrations do not work through a pooler; use a direct database URL")
        }
        for migration in migrations { try migration.check() }
        do {
            return try await database.withConnection { lease in
                try await lock(lease)
                // Looked at again under the lock: another migrator may have just finished.
                try await lease.script(MigrationHistory.create, timeout: .seconds(30))
                let applied = MigrationHistory.entries(try await lease.query(MigrationHistory.applied))
                let chosen = try choose(MigrationPlan(known: migrations, applied: applied))
                for migration in chosen { try await run(migration, direction, lease) }
                _ = try await lease.query(Self.unlock)
                return chosen
            }
        } catch let error as StoreError {
            throw error
        } catch {
            throw StoreError(.migration, "\(error)")
        }
    }

    /// Polls, because a session that waits for an advisory lock holds a snapshot open, which `CREATE INDEX
    /// CONCURRENTLY` of the holder would wait for in turn.
    private func lock(_ lease: Database.Lease) async throws {
        let deadline = ContinuousClock.now + lockTimeout
        while try await lease.query(Self.tryLock).first?.bool(0) != true {
            if ContinuousClock.now >= deadline {
                throw StoreError(
                    .timeout, "another migrator has worked on this schema for \(lockTimeout); try again later")
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        // The session's own statement_timeout is made for settlements.
        _ = try await lease.query(Statement("", "SELECT set_config('statement_timeout', '0', false)"))
    }

    /// One lock a schema.
    private static let lockKey = "hashtextextended('fleet.migrations:' || current_schema(), 0)"
    private static let tryLock = Statement("", "SELECT pg_try_advisory_lock(\(lockKey))")
    private static let unlock = Statement(
        "",
        "SELECT pg_advisory_unlock(\(lockKey)), set_config('statement_timeout', reset_val, false) "
            + "FROM pg_settings WHERE name = 'statement_timeout'")

    private func run(_ migration: Migration, _ direction: String, _ lease: Database.Lease) async throws {
        let sql = direction == "up" ? migration.up : migration.down
        let started = ContinuousClock.now
        do throws(StoreError) {
            if Migration.runsInTransaction(sql) {
                // The simple protocol runs a text of several statements as one transaction.
                let duration = "(extract(epoch FROM clock_timestamp() - transaction_timestamp()) * 1000)::bigint"
                let note = MigrationHistory.insert(migration, direction: direction, milliseconds: duration)
                try await lease.script("\(sql)\n;\n\(note)", timeout: stepTimeout)
            } else {
                for statement in SQLSplitter.statements(in: sql) {
                    try await lease.script(statement, timeout: stepTimeout)
                }
                let milliseconds = started.duration(to: .now).wholeMilliseconds
                try await lease.script(
                    MigrationHistory.insert(migration, direction: direction, milliseconds: "\(milliseconds)"),
                    timeout: .seconds(30))
            }
        } catch {
            throw StoreError(
                .migration, "migration \(migration.label) \(direction): \(error.message)",
                outcomeUnknown: error.outcomeUnknown)
        }
        database.logger.info(
            "migration applied", metadata: ["migration": "\(migration.label)", "direction": "\(direction)"])
    }
}
