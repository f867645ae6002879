import FleetModel
import Glibc
import Testing

@testable import Store

@Suite struct MigrationTests {
    let folder = String(#filePath.dropLast("Tests/StoreTests/MigrationTests.swift".count)) + "Migrations"

    func file(_ name: String) throws -> String {
        let path = "\(folder)/\(name)"
        guard let stream = fopen(path, "r") else { throw StoreError(.notFound, path) }
        defer { fclose(stream) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = fread(&buffer, 1, buffer.count, stream)
            if count == 0 { return String(decoding: bytes, as: UTF8.self) }
            bytes += buffer[..<count]
        }
    }

    func fileNames() -> [String] {
        var names: [String] = []
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name.hasSuffix(".sql") { names.append(name) }
        }
        return names.sorted()
    }

    @Test func theBinaryCarriesWhatTheFolderHolds() throws {
        let expected = Migration.embedded.flatMap { ["\($0.label).down.sql", "\($0.label).up.sql"] }.sorted()
        #expect(fileNames() == expected)
        for migration in Migration.embedded {
            #expect(try file("\(migration.label).up.sql") == migration.up)
            #expect(try file("\(migration.label).down.sql") == migration.down)
            try migration.check()
        }
        #expect(Migration.embedded.map(\.number) == Array(1...Migration.embedded.count))
    }

    @Test func theChecksumIsTheFilesSha256() {
        let migration = Migration(number: 1, name: "a", up: "abc", down: "")
        #expect(migration.checksum == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }

    @Test(arguments: [
        ("-- no-transaction\nSELECT 1", false), ("--no-transaction", false), ("-- no-transaction\r\nx", false),
        ("SELECT 1\n-- no-transaction", true), ("", true), ("-- no-transactions\nx", true),
    ])
    func theFirstLineDecidesAboutTheTransaction(_ sql: String, _ inTransaction: Bool) {
        #expect(Migration.runsInTransaction(sql) == inTransaction)
    }

    @Test(arguments: [(0, "a"), (10_000, "a"), (1, ""), (1, "a'b"), (1, "A")])
    func aNameThatCouldBreakOutIsRefused(_ number: Int, _ name: String) {
        #expect(throws: StoreError.self) { try Migration(number: number, name: name, up: "", down: "").check() }
    }

    @Test func scriptsAreCutWhereStatementsEnd() {
        let sql = """
            -- no-transaction; not here
            CREATE INDEX "odd;name" ON t (a); /* nor; /* here; */ nor here; */
            INSERT INTO t VALUES ('it''s; fine');;
            DO $body$ BEGIN; PERFORM '$$;'; END $body$;
            SELECT $1 ; -- the end;
            """
        #expect(
            SQLSplitter.statements(in: sql) == [
                "-- no-transaction; not here\nCREATE INDEX \"odd;name\" ON t (a)",
                "/* nor; /* here; */ nor here; */\nINSERT INTO t VALUES ('it''s; fine')",
                "DO $body$ BEGIN; PERFORM '$$;'; END $body$",
                "SELECT $1",
            ])
    }

    @Test(arguments: ["'open", "\"open", "/* open", "$tag$ open", "$", "--", "/"])
    func anUnfinishedScriptEndsTheScan(_ sql: String) {
        #expect(SQLSplitter.statements(in: sql).count <= 1)
    }
}

@Suite struct MigrationPlanTests {
    let known = (1...3).map { Migration(number: $0, name: "step", up: "up \($0)", down: "down \($0)") }

    func entry(_ migration: Migration, checksum: String? = nil) -> MigrationHistory.Entry {
        MigrationHistory.Entry(
            number: migration.number, name: migration.name, checksum: checksum ?? migration.checksum,
            at: Timestamp(milliseconds: 1), milliseconds: 2)
    }

    @Test func pendingOnesAreAppliedInOrderUpToTheTarget() throws {
        let plan = MigrationPlan(known: known.reversed(), applied: [entry(known[0])])
        #expect(try plan.up(to: nil).map(\.number) == [2, 3])
        #expect(try plan.up(to: 2).map(\.number) == [2])
        #expect(throws: StoreError.self) { try plan.up(to: 9) }
        #expect(
            plan.statuses.map(\.state) == [
                .applied(at: Timestamp(milliseconds: 1), milliseconds: 2), .pending, .pending,
            ])
    }

    @Test func aChangedFileStopsEverything() {
        let plan = MigrationPlan(known: known, applied: [entry(known[0], checksum: "other")])
        #expect(plan.statuses[0].state == .changed(at: Timestamp(milliseconds: 1)))
        #expect(throws: StoreError.self) { try plan.up(to: nil) }
    }

    @Test func aNewerDatabaseStopsEverything() {
        let plan = MigrationPlan(known: [known[0]], applied: known.map { entry($0) })
        #expect(throws: StoreError.self) { try plan.up(to: nil) }
        #expect(throws: StoreError.self) { try plan.down(steps: 1) }
    }

    @Test func aMigrationThatCameLateIsNamed() {
        let plan = MigrationPlan(known: known, applied: [entry(known[0]), entry(known[2])])
        #expect(plan.conflicts.count == 1)
        #expect(plan.conflicts.first?.contains("0002_step") == true)
    }

    @Test func theNewestGoDownFirst() throws {
        let plan = MigrationPlan(known: known, applied: known.map { entry($0) })
        #expect(try plan.down(steps: 2).map(\.number) == [3, 2])
        #expect(try plan.down(steps: 99).count == 3)
    }
}
