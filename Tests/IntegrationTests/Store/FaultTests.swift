import FleetModel
import FleetTesting
import Logging
import Store
import Testing

/// Servers that refuse, vanish, or cut the line.
@Suite(.timeLimit(.minutes(2))) struct StoreFaultTests {
    let logger = Logger(label: "test.faults")

    /// Terminates the backend of this process id from another connection.
    static func terminate(_ pid: Int64) async throws {
        let killer = try Database(
            try TestDatabase.configuration(schema: "public"), logger: Logger(label: "test.killer"))
        let statement = Statement("", "SELECT pg_terminate_backend($1::integer)") { $0.add(Int32(pid)) }
        let result = try? await killer.query(statement)
        await killer.shutdown()
        #expect(result?.first?.bool(0) == true)
    }

    func pid(_ database: Database) async throws -> Int64 {
        try #require(try await database.query(Statement("", "SELECT pg_backend_pid()")).first?.int64(0))
    }

    @Test func aServerThatIsNotThereFailsAllWaitersWithTheReason() async throws {
        var configuration = try StoreConfiguration(url: "postgres://u:secret@127.0.0.1:1/none")
        configuration.acquireTimeout = .seconds(30)
        let database = try Database(configuration, logger: logger)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<5 {
                group.addTask {
                    let error = await #expect(throws: StoreError.self) {
                        try await database.query(Statement("", "SELECT 1"))
                    }
                    #expect(error?.code == .unreachable)
                    #expect(error?.description.contains("127.0.0.1:1/none") == true)
                    #expect(error?.description.contains("secret") == false)
                }
            }
        }
        await database.shutdown()
    }

    @Test func aWrongPasswordIsNamedAndNotShown() async throws {
        let right = try TestDatabase.configuration()
        let configuration = try StoreConfiguration(url: "postgres://fleet-nobody:hush@\(right.endpoint)")
        let database = try Database(configuration, logger: logger)
        let error = await #expect(throws: StoreError.self) { try await database.query(Statement("", "SELECT 1")) }
        #expect(error?.code == .authentication)
        #expect(error?.disposition == .giveUp)
        #expect(error?.description.contains("hush") == false)
        await database.shutdown()
    }

    @Test func anIdleConnectionThatIsCutIsReplacedUnnoticed() async throws {
        try await TestDatabase.with(migrated: false, configure: { $0.maxConnections = 1 }) { database in
            let first = try await pid(database)
            try await Self.terminate(first)
            // The statement may only be repeated because it is marked idempotent: the news may still be under way.
            let again = try await database.query(Statement("", "SELECT pg_backend_pid()"), idempotent: true)
            #expect(again.first?.int64(0) != first)
        }
    }

    @Test func aTransactionCutBeforeItsEndIsKnownToBeRolledBack() async throws {
        try await TestDatabase.with(migrated: false, configure: { $0.maxConnections = 1 }) { database in
            _ = try await database.query(Statement("", "CREATE TABLE t (a bigint)"))
            let pid = try await pid(database)
            let running = Task {
                try await database.pipeline([
                    Statement("", "INSERT INTO t VALUES (1)"), Statement("", "SELECT pg_sleep(30)"),
                ])
            }
            try await Self.untilRunning(pid, "SELECT pg_sleep(30)")
            try await Self.terminate(pid)
            let error = await #expect(throws: StoreError.self) { try await running.value }
            #expect(error?.disposition == .reconnect)
            #expect(error?.outcomeUnknown == false)
            #expect(try await database.query(Statement("", "SELECT * FROM t"), idempotent: true).isEmpty)
        }
    }

    /// The line is cut by a proxy that has passed the transaction on but not the answer.
    @Test func aTransactionWhoseAnswerIsLostHasAnUnknownOutcome() async throws {
        let direct = try TestDatabase.configuration()
        let proxy = try CuttingProxy(to: direct.endpoint)
        try await TestDatabase.with(migrated: false) { database in
            _ = try await database.query(Statement("", "CREATE TABLE t (a bigint)"))
            var configuration = try proxy.configuration()
            configuration.schema = database.configuration.schema
            configuration.maxConnections = 1
            let fragile = try Database(configuration, logger: logger)
            _ = try await fragile.query(Statement("", "SELECT 1"))
            proxy.withholdAnswers()
            let running = Task { try await fragile.query(Statement("", "INSERT INTO t VALUES (1)")) }
            // It was committed, as the proxy's silence hides.
            try await Self.until { try await database.query(Statement("", "SELECT * FROM t")).count == 1 }
            proxy.cut()
            let error = await #expect(throws: StoreError.self) { try await running.value }
            #expect(error?.outcomeUnknown == true)
            #expect(error?.disposition == .reconnect)
            await fragile.shutdown()
        }
        proxy.stop()
    }

    @Test func aServerThatFallsSilentIsGivenUpAtTheDeadline() async throws {
        let direct = try TestDatabase.configuration()
        let proxy = try CuttingProxy(to: direct.endpoint)
        var configuration = try proxy.configuration()
        // Through a pooler only our own deadline holds, without the grace for the server's.
        configuration.throughPooler = true
        configuration.statementTimeout = .milliseconds(200)
        let database = try Database(configuration, logger: logger)
        _ = try await database.query(Statement("", "SELECT 1"))
        proxy.withholdAnswers()
        let error = await #expect(throws: StoreError.self) { try await database.query(Statement("", "SELECT 1")) }
        #expect(error?.code == .timeout)
        #expect(error?.outcomeUnknown == true)
        await database.shutdown()
        proxy.stop()
    }

    static func untilRunning(_ pid: Int64, _ query: String) async throws {
        let watcher = try Database(
            try TestDatabase.configuration(schema: "public"), logger: Logger(label: "test.watcher"))
        let statement = Statement(
            "", "SELECT 1 FROM pg_stat_activity WHERE pid = $1::bigint AND query = $2 AND state = 'active'"
        ) {
            $0.add(pid)
            $0.add(query)
        }
        do {
            try await until { try await watcher.query(statement).count == 1 }
        } catch {
            await watcher.shutdown()
            throw error
        }
        await watcher.shutdown()
    }

    /// Asks the server until it says so; the suite's time limit bounds it.
    static func until(_ condition: () async throws -> Bool) async throws {
        while try await !condition() { try Task.checkCancellation() }
    }
}
