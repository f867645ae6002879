import Testing

@testable import FleetCtlKit

@Suite struct DemoServersTests {
    @Test func theSchemaIsNamedInTheURL() throws {
        #expect(
            try DemoServers.url("postgres://u:p@h:1/d", schema: "s") == "postgres://u:p@h:1/d?options=-csearch_path%3Ds"
        )
        #expect(
            try DemoServers.url("postgresql://h/d?sslmode=require", schema: "s")
                == "postgresql://h/d?sslmode=require&options=-csearch_path%3Ds")
        #expect(try DemoServers.url("host=h dbname=d", schema: "s") == "host=h dbname=d options='-csearch_path=s'")
    }

    @Test func optionsOfSomebodyElseAreNotOverwritten() {
        #expect(throws: Fault.self) { try DemoServers.url("postgres://h/d?options=-cwork_mem%3D1", schema: "s") }
    }
}
