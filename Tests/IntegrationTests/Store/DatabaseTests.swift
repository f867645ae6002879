import FleetModel
import FleetTesting
import Logging
import Store
import Testing

@Suite(.timeLimit(.minutes(2))) struct StoreDatabaseTests {
    @Test(arguments: [true, false]) func allTypesComeBackAsTheyWent(_ prepared: Bool) async throws {
        try await TestDatabase.with(migrated: false, configure: { $0.preparedStatements = prepared }) { database in
            let time = Timestamp(milliseconds: 1_234_567_890_123)
            let before = Timestamp(milliseconds: -1)
            let sql =
                "SELECT $1::bigint, $2::integer, $3::smallint, $4::boolean, $5::text, $6::bytea, $7::timestamptz, "
                + "$8::timestamptz, $9::text, $10::text[], $11::text[]"
            for _ in 0..<2 {
                let result = try await database.query(
                    Statement("types", sql) {
                        $0.add(Int64.min)
                        $0.add(Int32.min)
                        $0.add(Int16.min)
                        $0.add(true)
                        $0.add("Grüße \u{1F600}")
                        $0.add([0, 255] as [UInt8])
                        $0.add(time)
                        $0.add(before)
                        $0.add(nil as String?)
                        $0.add(["a", ""])
                        $0.add([] as [String])
                    })
                let row = try #require(result.first)
                #expect(row.int64(0) == .min && row.int64(1) == Int64(Int32.min) && row.int64(2) == Int64(Int16.min))
                #expect(row.bool(3) == true && row.text(4) == "Grüße \u{1F600}" && row.bytes(5) == [0, 255])
                #expect(row.timestamp(6) == time && row.timestamp(7) == before)
                #expect(row.isNull(8) && row.text(8) == nil)
                #expect(row.texts(9) == ["a", ""] && row.texts(10) == [])
                #expect(row.int64(99) == nil && row.int64(-1) == nil && row.int64(4) == nil)
            }
        }
    }

    @Test func aPipelineIsOneTransaction() async throws {
        try await TestDatabase.with(migrated: false) { database in
            _ = try await database.query(Statement("", "CREATE TABLE t (a bigint PRIMARY KEY)"))
            let insert = { (value: Int64) in Statement("t.insert", "INSERT INTO t VALUES ($1)") { $0.add(value) } }
            let count = Statement("t.count", "SELECT count(*) FROM t")
            let error = await #expect(throws: StoreError.self) {
                try await database.pipeline([insert(1), insert(2), count, insert(1), count])
            }
            #expect(error?.code == .constraint("t_pkey"))
            #expect(error?.outcomeUnknown == false)
            let results = try await database.pipeline([count, insert(1), insert(2), count])
            #expect(results[0].first?.int64(0) == 0 && results[3].first?.int64(0) == 2)
            #expect(results[1].affected == 1)
        }
    }

    @Test func aStatementThatFailsToParseIsPreparedAgainLater() async throws {
        try await TestDatabase.with(migrated: false) { database in
            let select = Statement("late", "SELECT a FROM late")
            for _ in 0..<2 {
                let error = await #expect(throws: StoreError.self) { try await database.query(select) }
                #expect(error?.code == .server("42P01"))
            }
            _ = try await database.query(Statement("", "CREATE TABLE late (a bigint)"))
            #expect(try await database.query(select).isEmpty)
        }
    }

    @Test func aPlanThatAMigrationMadeStaleHealsWithTheNextCall() async throws {
        try await TestDatabase.with(migrated: false, configure: { $0.maxConnections = 1 }) { database in
            _ = try await database.query(Statement("", "CREATE TABLE t (a bigint)"))
            let all = Statement("t.all", "SELECT * FROM t")
            _ = try await database.query(all)
            _ = try await database.query(Statement("", "ALTER TABLE t ADD COLUMN b text"))
            let error = await #expect(throws: StoreError.self) { try await database.query(all) }
            #expect(error?.disposition == .retry)
            #expect(try await database.query(all).isEmpty)
        }
    }

    @Test func aLargeBatchCrossesTheSocketInPieces() async throws {
        try await TestDatabase.with(migrated: false) { database in
            let body = [UInt8](repeating: 7, count: 3_000_000)
            let statements = (0..<4).map { _ in Statement("echo", "SELECT $1::bytea") { $0.add(body) } }
            let results = try await database.pipeline(statements)
            #expect(results.allSatisfy { $0.first?.bytes(0) == body })
        }
    }

    @Test func manyCallersShareAFewConnections() async throws {
        try await TestDatabase.with(migrated: false, configure: { $0.maxConnections = 3 }) { database in
            let seen = try await withThrowingTaskGroup(of: (Int64, Int64).self) { group in
                for value in 0..<200 as Range<Int64> {
                    group.addTask {
                        let statement = Statement("who", "SELECT $1::bigint, pg_backend_pid()") { $0.add(value) }
                        let row = try await database.query(statement).first
                        return (try #require(row?.int64(0)), try #require(row?.int64(1)))
                    }
                }
                return try await group.reduce(into: [Int64: Int64]()) { $0[$1.0] = $1.1 }
            }
            #expect(seen.count == 200)
            #expect((1...3).contains(Set(seen.values).count))
        }
    }

    @Test func cancellingACallerLeavesTheConnectionUsable() async throws {
        try await TestDatabase.with(migrated: false, configure: { $0.maxConnections = 1 }) { database in
            _ = try await database.query(Statement("", "CREATE TABLE t (a bigint)"))
            let pid = try await database.query(Statement("", "SELECT pg_backend_pid()")).first?.int64(0)
            let running = Task {
                try await database.pipeline([
                    Statement("", "SELECT pg_sleep(0.2)"), Statement("", "INSERT INTO t VALUES (1)"),
                ])
            }
            let waiting = Task { try await database.query(Statement("", "INSERT INTO t VALUES (2)")) }
            running.cancel()
            waiting.cancel()
            let outcome = await waiting.result
            if case .failure(let error) = outcome { #expect((error as? StoreError)?.code == .cancelled) }
            _ = await running.result
            let result = try await database.query(Statement("", "SELECT pg_backend_pid()"))
            #expect(result.first?.int64(0) == pid)
        }
    }

    @Test func aWaiterFailsAtItsDeadlineWithTheReason() async throws {
        try await TestDatabase.with(migrated: false) { database in
            var configuration = database.configuration
            configuration.maxConnections = 1
            configuration.acquireTimeout = .seconds(2)
            let narrow = try Database(configuration, logger: Logger(label: "test.narrow"))
            let (warm, error) = try await narrow.withConnection { lease in
                let warm = try await lease.query(Statement("", "SELECT 1")).count
                let error = await #expect(throws: StoreError.self) { try await narrow.query(Statement("", "SELECT 1")) }
                return (warm, error)
            }
            await narrow.shutdown()
            #expect(warm == 1 && error?.code == .poolExhausted)
        }
    }

    @Test func aConnectionGivenBackInsideATransactionIsRolledBack() async throws {
        try await TestDatabase.with(migrated: false, configure: { $0.maxConnections = 1 }) { database in
            _ = try await database.query(Statement("", "CREATE TABLE t (a bigint)"))
            try await database.withConnection { lease in
                _ = try await lease.query(Statement("", "BEGIN"))
                _ = try await lease.query(Statement("", "INSERT INTO t VALUES (1)"))
            }
            #expect(try await database.query(Statement("", "SELECT * FROM t")).isEmpty)
        }
    }

    @Test func aStatementThatTakesTooLongIsEndedByTheServer() async throws {
        try await TestDatabase.with(migrated: false, configure: { $0.statementTimeout = .milliseconds(100) }) {
            database in
            let error = await #expect(throws: StoreError.self) {
                try await database.query(Statement("", "SELECT pg_sleep(30)"))
            }
            #expect(error?.code == .timeout)
            #expect(error?.outcomeUnknown == false)
        }
    }

    @Test func afterShutdownNothingRuns() async throws {
        try await TestDatabase.with(migrated: false) { database in
            _ = try await database.query(Statement("", "SELECT 1"))
            await database.shutdown()
            await database.shutdown()
            let error = await #expect(throws: StoreError.self) { try await database.query(Statement("", "SELECT 1")) }
            #expect(error?.code == .shutDown)
        }
    }

    @Test func notificationsArePulled() async throws {
        try await TestDatabase.with(migrated: false) { database in
            let channel = "odd \"\(Incarnation())\""
            let notifications = try await database.listen([channel])
            for payload in ["one", "two"] {
                _ = try await database.query(
                    Statement("", "SELECT pg_notify($1, $2)") {
                        $0.add(channel)
                        $0.add(payload)
                    })
            }
            #expect(try await notifications.next().payload == "one")
            let second = try await notifications.next()
            #expect(second.payload == "two" && second.channel == channel)
            let waiting = Task { try await notifications.next() }
            waiting.cancel()
            let error = await #expect(throws: StoreError.self) { try await waiting.value }
            #expect(error?.code == .cancelled)
            await notifications.close()
            await notifications.close()
            let closed = await #expect(throws: StoreError.self) { try await notifications.next() }
            #expect(closed?.code == .shutDown)
        }
    }
}
