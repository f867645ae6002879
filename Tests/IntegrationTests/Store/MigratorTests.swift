import FleetTesting
import Logging
import Store
import Testing

@Suite(.timeLimit(.minutes(2))) struct StoreMigratorTests {
    let one = Migration(number: 1, name: "one", up: "CREATE TABLE one (a bigint);", down: "DROP TABLE one;")
    let two = Migration(
        number: 2, name: "two", up: "CREATE TABLE two (a bigint);\nINSERT INTO two VALUES (1);", down: "DROP TABLE two;"
    )

    func tables(_ database: Database) async throws -> [String] {
        let sql = "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1"
        return try await database.query(Statement("", sql)).compactMap { $0.text(0) }
    }

    @Test func theShippedMigrationsGoUpDownAndUp() async throws {
        try await TestDatabase.with { database in
            let migrator = Migrator(database)
            let problems = try await migrator.verify()
            #expect(problems == [])
            #expect(try await migrator.up().isEmpty)
            let count = Migration.embedded.count
            #expect(try await migrator.down(steps: count).count == count)
            #expect(try await tables(database) == ["migration_history"])
            #expect(try await migrator.up().map(\.number) == Migration.embedded.map(\.number))
            #expect(try await migrator.verify() == [])
        }
    }

    @Test func aDryRunChangesNothing() async throws {
        try await TestDatabase.with(migrated: false) { database in
            let migrator = Migrator(database, migrations: [one, two])
            #expect(try await migrator.up(dryRun: true).map(\.number) == [1, 2])
            #expect(try await tables(database) == [])
            #expect(try await migrator.status().map(\.state) == [.pending, .pending])
            #expect(try await migrator.verify().count == 2)
            try await migrator.up(to: 1)
            #expect(try await migrator.down(dryRun: true).map(\.number) == [1])
            #expect(try await tables(database) == ["migration_history", "one"])
        }
    }

    @Test func aFailedMigrationLeavesNothingAndNamesItself() async throws {
        try await TestDatabase.with(migrated: false) { database in
            let broken = Migration(
                number: 2, name: "broken", up: "CREATE TABLE two (a bigint);\nSELECT 1/0;", down: "")
            let error = await #expect(throws: StoreError.self) {
                try await Migrator(database, migrations: [one, broken]).up()
            }
            #expect(error?.code == .migration)
            #expect(error?.message.contains("0002_broken") == true)
            #expect(error?.message.contains("division by zero") == true)
            #expect(try await tables(database) == ["migration_history", "one"])
            try await Migrator(database, migrations: [one, two]).up()
            #expect(try await tables(database) == ["migration_history", "one", "two"])
        }
    }

    @Test func aChangedFileIsNoticed() async throws {
        try await TestDatabase.with(migrated: false) { database in
            try await Migrator(database, migrations: [one]).up()
            let edited = Migration(number: 1, name: "one", up: one.up + "\n-- later", down: one.down)
            let migrator = Migrator(database, migrations: [edited, two])
            #expect(try await migrator.verify().count == 2)
            let error = await #expect(throws: StoreError.self) { try await migrator.up() }
            #expect(error?.code == .migration)
            #expect(try await tables(database) == ["migration_history", "one"])
        }
    }

    @Test func outsideATransactionStatementsRunOneByOne() async throws {
        try await TestDatabase.with(migrated: false) { database in
            let index = Migration(
                number: 2, name: "index",
                up:
                    "-- no-transaction\nCREATE INDEX CONCURRENTLY i ON one (a);\nCREATE INDEX CONCURRENTLY j ON one (a);\n",
                down: "-- no-transaction\nDROP INDEX CONCURRENTLY i;\nDROP INDEX CONCURRENTLY j;")
            let migrator = Migrator(database, migrations: [one, index])
            let applied = try await migrator.up()
            #expect(applied.count == 2)
            #expect(try await migrator.down(steps: 2).count == 2)
        }
    }

    @Test func migratorsThatStartAtTheSameMomentTakeTurns() async throws {
        try await TestDatabase.with(migrated: false) { database in
            let configuration = database.configuration
            let slow = Migration(number: 3, name: "slow", up: "SELECT pg_sleep(0.2);", down: "")
            let applied = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<4 {
                    group.addTask {
                        // Each as a process of its own would: with its own pool.
                        let own = try Database(configuration, logger: Logger(label: "test.migrator\(number)"))
                        let result: Result<Int, any Error>
                        do {
                            result = .success(try await Migrator(own, migrations: [one, two, slow]).up().count)
                        } catch {
                            result = .failure(error)
                        }
                        await own.shutdown()
                        return try result.get()
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(applied.sorted() == [0, 0, 0, 3])
        }
    }

    @Test func aMigratorGivesUpWaitingAtItsDeadline() async throws {
        try await TestDatabase.with(migrated: false, configure: { $0.maxConnections = 2 }) { database in
            try await database.withConnection { lease in
                let key = "hashtextextended('fleet.migrations:' || current_schema(), 0)"
                _ = try await lease.query(Statement("", "SELECT pg_advisory_lock(\(key))"))
                var migrator = Migrator(database, migrations: [one])
                migrator.lockTimeout = .milliseconds(100)
                let error = await #expect(throws: StoreError.self) { try await migrator.up() }
                #expect(error?.code == .timeout)
                _ = try await lease.query(Statement("", "SELECT pg_advisory_unlock_all()"))
            }
            try await Migrator(database, migrations: [one]).up()
        }
    }
}
