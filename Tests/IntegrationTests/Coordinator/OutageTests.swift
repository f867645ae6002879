import Broker
import Coordinator
import FleetModel
import FleetTesting
import Foundation
import Store
import Testing

/// A server that is there and no longer answers, and comes back.
@Suite(.timeLimit(.minutes(2))) struct OutageTests {
    @Test func withoutTheBrokerTheAPISaysSoAndHeals() async throws {
        try await CoordinatorHarness.with { harness in
            var configuration = harness.configuration()
            let relay = try TCPRelay(to: configuration.broker.host, port: configuration.broker.port)
            configuration.broker.host = "127.0.0.1"
            configuration.broker.port = relay.port
            configuration.broker.heartbeat = .seconds(1)
            configuration.broker.confirmTimeout = .seconds(2)
            try await harness.run(configuration) { api in
                #expect(try await api.addBot("w").status == 201)
                let worker = try await FakeWorker("w-1", bots: ["w"], .apply, broker: harness.broker)
                try await worker.beat()
                _ = try await api.untilWorkers { $0.count == 1 }
                #expect(try await api.broadcast().everyoneApplied)
                relay.stall()
                let change = ConfigBroadcastRequest(
                    scope: .global, set: ["greeting": .string("x")], timeoutMilliseconds: 300)
                // Committed, and perhaps sent: no error that says otherwise, but who did not answer.
                let during = try await api.post("/v1/config", change)
                #expect(during.status == 200)
                let tally = try during.decoded(TallyView.self)
                #expect(tally.generation == 2)
                #expect(tally.rows.map(\.worker) == [worker.identity])
                #expect(!tally.everyoneApplied)
                let noticed = try await eventually {
                    try await api.get("/v1/health", HealthView.self).broker == false
                }
                #expect(noticed)
                let before = try await api.get("/v1/config", ConfigView.self).generation
                let refused = try await api.post("/v1/config", change)
                #expect(refused.status == 503)
                #expect(try await api.get("/v1/config", ConfigView.self).generation == before, "nothing is committed")
                // The backlog is unknown, and no error.
                #expect(try await api.addBot("a").status == 201)
                #expect(try await api.get("/v1/bots/a", BotView.self).backlog == nil)

                relay.cut()
                try await api.untilHealthy()
                let healed = try await api.broadcast()
                #expect(healed.generation == before + 1)
                await worker.close()
            }
        }
    }

    @Test func withoutTheDatabaseTheAPISaysSoAndHeals() async throws {
        try await CoordinatorHarness.with { harness in
            let text = try #require(ProcessInfo.processInfo.environment["FLEET_DATABASE_URL"])
            var url = try #require(URLComponents(string: text))
            let relay = try TCPRelay(to: try #require(url.host), port: url.port ?? 5432)
            url.host = "127.0.0.1"
            url.port = relay.port
            var configuration = harness.configuration()
            configuration.store = try StoreConfiguration(url: try #require(url.string))
            configuration.store.schema = harness.database.configuration.schema
            configuration.store.statementTimeout = .seconds(1)
            configuration.store.acquireTimeout = .seconds(1)
            configuration.store.connectTimeout = .seconds(1)
            try await harness.run(configuration) { api in
                #expect(try await api.addBot("a").status == 201)
                relay.stall()
                let during = try await api.get("/v1/bots")
                #expect(during.status == 503)
                #expect(try during.decoded(APIError.self).code == "unavailable")
                let noticed = try await eventually {
                    try await api.get("/v1/health", HealthView.self).database == false
                }
                #expect(noticed)
                relay.cut()
                try await api.untilHealthy()
                let bots = try await api.get("/v1/bots", [BotView].self)
                #expect(bots.map(\.spec.id.rawValue) == ["a"])
            }
        }
    }
}
