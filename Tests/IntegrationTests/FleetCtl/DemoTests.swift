import Broker
import FleetModel
import FleetTesting
import Foundation
import Logging
import Store
import Testing

/// `fleetctl demo` where it could do harm: on servers and in directories that are somebody else's.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct DemoCommandTests {
    private static let small = ["demo", "--updates", "200", "--bots", "2", "--chats", "20", "--rate", "100"]
    private let ctl = FleetCtlRunner(home: "/tmp/fleetctl-demo-\(Incarnation())")

    @Test func onExistingServersItLeavesNothingBehind() async throws {
        defer { try? FileManager.default.removeItem(atPath: ctl.home) }
        try await withTestBroker { broker in
            try await withDatabase { url in
                let servers = ["FLEET_AMQP_URL": broker.url, "FLEET_DATABASE_URL": url]
                let database = try Database(try StoreConfiguration(url: url), logger: Logger(label: "test"))
                for _ in 0..<2 {
                    let answer = try await ctl.run(Self.small, environment: servers)
                    #expect(answer.status == 0, "\(answer.all)")
                    let schemas = try await database.query(
                        Statement("", "SELECT nspname::text FROM pg_namespace WHERE nspname LIKE 'fleet%'"))
                    #expect(schemas.compactMap { $0.text(0) }.isEmpty)
                    let connection = try await broker.connect()
                    let channel = try await connection.openChannel()
                    do throws(BrokerError) {
                        _ = try await channel.queueStatus("bot.demo-01")
                        Issue.record("its queue is still there")
                    } catch {
                        #expect(error.code == .notFound)
                    }
                    await connection.close()
                }
                // A fleet that lives there is not disturbed.
                try await Migrator(database).up()
                try await TestDatabase.addBot(database, try #require(BotID("resident")))
                let refusal = try await ctl.run(Self.small, environment: servers)
                #expect(refusal.status == 1)
                #expect(refusal.err.contains("have bots already"))
                #expect(try await database.bots().count == 1)
                await database.shutdown()
            }
        }
    }

    @Test func aDirectoryOfSomebodyElseIsNotTouched() async throws {
        let file = "\(ctl.home)/demo/thesis.txt"
        try FileManager.default.createDirectory(atPath: "\(ctl.home)/demo", withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: ctl.home) }
        try Data("years of work".utf8).write(to: URL(fileURLWithPath: file))
        let answer = try await ctl.run(Self.small)
        #expect(answer.status == 1)
        #expect(answer.err.contains("\(ctl.home)/demo"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(ctl.home)/demo") == ["thesis.txt"])
    }

    /// A fresh database on the environment's server, and its URL.
    private func withDatabase(_ body: (String) async throws -> Void) async throws {
        let environment = ProcessInfo.processInfo.environment
        guard let url = environment["FLEET_DATABASE_URL"], var parts = URLComponents(string: url) else {
            throw MissingServer(variable: "FLEET_DATABASE_URL")
        }
        let name = "demo_\(Incarnation())"
        parts.path = "/\(name)"
        let server = try Database(try StoreConfiguration(url: url), logger: Logger(label: "test"))
        _ = try await server.query(Statement("", "CREATE DATABASE \(name)"))
        let result: Result<Void, any Error>
        do { result = .success(try await body(try #require(parts.string))) } catch { result = .failure(error) }
        _ = try? await server.query(Statement("", "DROP DATABASE \(name) WITH (FORCE)"))
        await server.shutdown()
        try result.get()
    }
}
