import Broker
import Coordinator
import FleetModel
import FleetTesting
import Foundation
import Store
import Testing

@Suite(.timeLimit(.minutes(2))) struct AccessTests {
    @Test func theTokenIsMadeOnceAndStoredHashed() async throws {
        try await CoordinatorHarness.with { harness in
            var first = ""
            try await harness.run(harness.configuration()) { api in
                first = try #require(api.token)
                #expect(try await api.get("/v1/bots").status == 200)
                var stranger = api
                stranger.token = "fleet_0000"
                #expect(try await stranger.get("/v1/bots").status == 401)
                stranger.token = nil
                let answer = try await stranger.get("/v1/status")
                #expect(answer.status == 401)
                #expect(try answer.decoded(APIError.self).code == "unauthorized")
            }
            let attributes = try FileManager.default.attributesOfItem(atPath: harness.tokenFile)
            #expect(attributes[.posixPermissions] as? Int == 0o600)
            let hashes = try await harness.database.query(Statement("", "SELECT hash::text FROM api_token"))
            #expect(hashes.count == 1)
            try await harness.run(harness.configuration()) { api in
                #expect(api.token == first)
                let status = try await api.get("/v1/status").status
                #expect(status == 200)
            }
        }
    }

    @Test func writesAreAudited() async throws {
        try await CoordinatorHarness.with { harness in
            try await harness.run(harness.configuration()) { api in
                #expect(try await api.addBot("a").status == 201)
                #expect(try await api.addBot("a").status == 409)
                #expect(try await api.post("/v1/bots/a/stop").status == 200)
                _ = try await api.broadcast()
                #expect(try await api.delete("/v1/bots/a").status == 204)
                #expect(try await api.delete("/v1/bots/a").status == 404)
                let actions = try await harness.database.auditTrail().reversed().map(\.action)
                #expect(actions == ["bot.add", "bot.stop", "config.broadcast", "bot.remove"])
                let bots = try await api.get("/v1/bots", [BotView].self)
                #expect(bots.isEmpty)
            }
        }
    }

    @Test func aBotsTokenGoesInAndNeverComesOut() async throws {
        try await CoordinatorHarness.with { harness in
            try await harness.run(harness.configuration()) { api in
                let added = try await api.addBot("a")
                let listed = try await api.get("/v1/bots")
                for answer in [added, listed] {
                    #expect(!String(decoding: answer.body, as: UTF8.self).contains("AAFD39kk"))
                }
                let bot = try #require(BotID("a"))
                let vault = try TokenVault(file: "\(harness.directory)/key")
                let token = try await harness.database.token(of: bot, vault: vault)
                #expect(token.reveal() == "4839574812:AAFD39kkdpWt3ywyRZergyOLMaJhac60qcK")
                let request = AddBotRequest(
                    spec: BotSpec(id: try #require(BotID("b")), behaviour: "ecko"), token: "1:x")
                let refused = try await api.post("/v1/bots", request)
                #expect(refused.status == 400)
                let twin = AddBotRequest(
                    spec: BotSpec(id: try #require(BotID("b")), behaviour: "echo"), token: token.reveal())
                let second = try await api.post("/v1/bots", twin)
                #expect(second.status == 409)
                #expect(try second.decoded(APIError.self).message.contains("'a' has this token"))
                #expect(try refused.decoded(APIError.self).message.contains("echo, menu"))
            }
        }
    }

    @Test func whatKeepsItFromStartingIsOneLine() async throws {
        try await CoordinatorHarness.with { harness in
            try await harness.run(harness.configuration()) { _ in
                // The same state directory.
                let error = await #expect(throws: StartupError.self) {
                    try await Coordinator.run(harness.configuration(), logger: TestBroker.logger)
                }
                #expect(error?.description.contains("another coordinator") == true)
            }
            var elsewhere = harness.configuration()
            elsewhere.broker.port = 1
            elsewhere.startupTimeout = .milliseconds(300)
            let unreachable = await #expect(throws: StartupError.self) {
                try await Coordinator.run(elsewhere, logger: TestBroker.logger)
            }
            #expect(unreachable?.description.contains("\n") == false)
        }
    }

    @Test func aPortThatIsTakenIsOneLine() async throws {
        try await CoordinatorHarness.with { harness in
            let (ports, port) = AsyncStream.makeStream(of: Int.self)
            let running = Task {
                try await Coordinator.run(harness.configuration(), logger: TestBroker.logger) { port.yield($0) }
            }
            var second = harness.configuration()
            second.port = try #require(await ports.first { _ in true })
            second.stateDirectory += "-2"
            let error = await #expect(throws: StartupError.self) {
                try await Coordinator.run(second, logger: TestBroker.logger)
            }
            #expect(error?.description.contains("cannot listen on 127.0.0.1:\(second.port)") == true)
            let api = try APIClient(port: second.port, tokenFile: harness.tokenFile)
            _ = try await api.post("/v1/shutdown", ShutdownRequest(workers: true))
            try await running.value
            await api.close()
        }
    }
}
