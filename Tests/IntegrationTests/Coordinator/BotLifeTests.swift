import Broker
import Coordinator
import FleetControl
import FleetModel
import FleetTesting
import Store
import Testing

/// Bots are stopped and removed where the coordinator does not supervise what serves them.
@Suite(.timeLimit(.minutes(2))) struct BotLifeTests {
    @Test func stoppingDrainsAWorkerThatOthersStarted() async throws {
        try await CoordinatorHarness.with { harness in
            try await harness.run(harness.configuration()) { api in
                for bot in ["a", "b"] { #expect(try await api.addBot(bot).status == 201) }
                let own = try await FakeWorker("a-7", bots: ["a"], .apply, broker: harness.broker)
                let other = try await FakeWorker("b-7", bots: ["b"], .apply, broker: harness.broker)
                for worker in [own, other] { try await worker.beat() }
                _ = try await api.untilWorkers { $0.count == 2 }
                async let stopping = api.post("/v1/bots/a/stop")
                // The end of the test is bounded by its time limit when nothing comes.
                let drain = await own.received.first { $0.action == .drain }
                #expect(drain != nil)
                try await own.beat(.stopped)
                let stopped = try await stopping.decoded(BotView.self)
                #expect(stopped.workers.isEmpty)
                _ = try await api.broadcast()
                // What it got so far ends with the broadcast.
                let got = await other.received.first { _ in true }
                #expect(got?.action != .drain)
                for worker in [own, other] { await worker.close() }
            }
        }
    }

    /// A worker that serves another bot as well goes on until that is stopped, too.
    @Test func aWorkerOfTwoBotsDrainsWhenBothAreStopped() async throws {
        try await CoordinatorHarness.with { harness in
            try await harness.run(harness.configuration()) { api in
                for bot in ["a", "b"] { #expect(try await api.addBot(bot).status == 201) }
                let both = try await FakeWorker("ab", bots: ["a", "b"], .apply, broker: harness.broker)
                try await both.beat()
                _ = try await api.untilWorkers { $0.count == 1 }
                let first = try await api.post("/v1/bots/a/stop").decoded(BotView.self)
                #expect(first.workers == ["ab"], "it is still named")
                #expect(await both.received.first { _ in true }?.action == .refresh)
                async let stopping = api.post("/v1/bots/b/stop")
                #expect(await both.received.first { $0.action == .drain } != nil)
                try await both.beat(.stopped)
                #expect(try await stopping.status == 200)
                await both.close()
            }
        }
    }

    @Test func aNewTokenReachesTheWorkersAndNoOtherBot() async throws {
        try await CoordinatorHarness.with { harness in
            try await harness.run(harness.configuration()) { api in
                for bot in ["a", "b"] { #expect(try await api.addBot(bot).status == 201) }
                let worker = try await FakeWorker("a-7", bots: ["a"], .apply, broker: harness.broker)
                try await worker.beat()
                _ = try await api.untilWorkers { $0.count == 1 }
                let bot = try #require(BotID("a"))
                let vault = try TokenVault(file: "\(harness.directory)/key")
                let old = try await harness.database.token(of: bot, vault: vault).reveal()
                let number = try #require(old.split(separator: ":").first)
                // Of another of the fleet, of none of the fleet, and none at all.
                let other = try await harness.database.token(of: try #require(BotID("b")), vault: vault).reveal()
                for (token, status) in [(other, 409), ("77:fresh", 409), ("nonsense", 400)] {
                    let answer = try await api.post("/v1/bots/a/token", SetTokenRequest(token: token))
                    #expect(answer.status == status)
                    #expect(!String(decoding: answer.body, as: UTF8.self).contains("fresh"))
                }
                #expect(try await harness.database.token(of: bot, vault: vault).reveal() == old)

                let fresh = SetTokenRequest(token: "\(number):fresh")
                #expect(try await api.post("/v1/bots/a/token", fresh).status == 200)
                #expect(await worker.received.first { _ in true }?.action == .refresh)
                #expect(try await harness.database.token(of: bot, vault: vault).reveal() == "\(number):fresh")
                let trail = try await harness.database.auditTrail()
                #expect(trail.first?.action == "bot.set_token" && trail.first?.target == "a")
                #expect(trail.first?.detail?.contains("fresh") != true)
                #expect(try await api.post("/v1/bots/c/token", fresh).status == 404)
                await worker.close()
            }
        }
    }

    @Test func telegramIsAskedWhoseATokenIsAndItsSilenceRefusesNothing() async throws {
        try await CoordinatorHarness.with { harness in
            let responder = try Responder { request in
                request.path.contains("refused")
                    ? .ok(status: 401, body: #"{"ok":false,"error_code":401,"description":"Unauthorized"}"#)
                    : .ok(body: #"{"ok":true,"result":{"id":77,"is_bot":true,"first_name":"A","username":"a_bot"}}"#)
            }
            defer { responder.stop() }
            var configuration = harness.configuration()
            configuration.telegramAPI = responder.url("")
            try await harness.run(configuration) { api in
                func add(_ id: String, _ token: String, check: Bool? = nil, at url: String? = nil) async throws
                    -> BotView
                {
                    let spec = BotSpec(id: try #require(BotID(id)), behaviour: "echo", apiURL: url)
                    let answer = try await api.post("/v1/bots", AddBotRequest(spec: spec, token: token, check: check))
                    #expect(answer.status == 201)
                    return try answer.decoded(BotView.self)
                }
                let known = try await add("a", "77:right")
                #expect(known.username == "a_bot" && known.telegramID == 77 && known.troubles == nil)
                let refused = try await add("b", "78:refused")
                #expect(refused.username == nil && refused.telegramID == 78)
                #expect(refused.troubles?.map(\.code) == [.tokenRefused])
                let unreached = try await add("c", "79:x", at: "http://127.0.0.1:9")
                #expect(unreached.troubles?.map(\.code) == [.tokenUnchecked])
                #expect(try await add("d", "80:refused", check: false).troubles == nil)
            }
        }
    }

    @Test func aMenuBotWithoutAMenuIsToldSo() async throws {
        try await CoordinatorHarness.with { harness in
            try await harness.run(harness.configuration()) { api in
                let id = try #require(BotID("m"))
                let spec = BotSpec(id: id, behaviour: "menu", labels: ["team": "x"])
                let added = try await api.post("/v1/bots", AddBotRequest(spec: spec, token: "5:x", check: false))
                #expect(try added.decoded(BotView.self).troubles?.map(\.code) == [.noMenu])
                let menu = ConfigValue.object([
                    "start": .string("home"),
                    "screens": .object(["home": .object(["text": .string("Hello")])]),
                ])
                let scope = ConfigScope.label(key: "team", value: "x")
                let request = ConfigBroadcastRequest(scope: scope, set: ["menu": menu], timeoutMilliseconds: 100)
                let answer = try await api.post("/v1/config", request)
                #expect(answer.status == 200, "\(String(decoding: answer.body, as: UTF8.self))")
                let troubles = try await api.get("/v1/bots/m", BotView.self).troubles
                #expect(troubles == nil)
            }
        }
    }

    @Test func aQueueIsDeletedOnlyWhenTheGatewayHasLetGo() async throws {
        try await CoordinatorHarness.with { harness in
            try await harness.run(harness.configuration()) { api in
                #expect(try await api.addBot("a").status == 201)
                let bot = try #require(BotID("a"))
                let database = harness.database
                #expect(try await database.acquirePollerLease(bot, holder: "gateway", ttl: .seconds(3600)))
                let connection = try await harness.broker.connect()
                let channel = try await connection.openChannel()
                // A gateway that has an update in hand when the bot is removed: it sees that the bot is stopped a
                // moment later, and its queue is there again until it gives its lease back.
                let gateway = Task {
                    _ = try await eventually { try await database.bot(bot)?.spec.desired != .running }
                    try await Task.sleep(for: .milliseconds(500))
                    try await channel.declareIntake(of: BotSpec(id: bot, behaviour: "echo", queue: .classic))
                    try await database.releasePollerLeases([bot], holder: "gateway")
                }
                #expect(try await api.delete("/v1/bots/a").status == 204)
                try await gateway.value
                await #expect(throws: BrokerError.self) { try await channel.queueStatus("bot.a") }
                await connection.close()
            }
        }
    }

    @Test func aLeaseThatHasEndedIsNotWaitedFor() async throws {
        try await CoordinatorHarness.with { harness in
            try await harness.run(harness.configuration()) { api in
                #expect(try await api.addBot("a").status == 201)
                let bot = try #require(BotID("a"))
                #expect(try await harness.database.acquirePollerLease(bot, holder: "dead", ttl: .milliseconds(1)))
                #expect(try await api.delete("/v1/bots/a").status == 204)
                let bots = try await api.get("/v1/bots", [BotView].self)
                #expect(bots.isEmpty)
            }
        }
    }
}
