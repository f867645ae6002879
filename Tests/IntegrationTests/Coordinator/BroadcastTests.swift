import Coordinator
import FleetModel
import FleetTesting
import Testing

@Suite(.timeLimit(.minutes(2))) struct BroadcastTests {
    @Test func everyoneIsNamed() async throws {
        try await CoordinatorHarness.with { harness in
            try await harness.run(harness.configuration()) { api in
                for bot in ["a", "b", "c"] { #expect(try await api.addBot(bot).status == 201) }
                let applies = try await FakeWorker("a-1", bots: ["a"], .apply, broker: harness.broker)
                let refuses = try await FakeWorker("b-1", bots: ["b"], .refuse("out of range"), broker: harness.broker)
                let silent = try await FakeWorker("c-1", bots: ["c"], .silent, broker: harness.broker)
                for worker in [applies, refuses, silent] { try await worker.beat() }
                _ = try await api.untilWorkers { $0.count == 3 }

                let tally = try await api.broadcast(timeout: 300)
                #expect(tally.generation == 1)
                #expect(tally.rows.map(\.worker) == [applies.identity, refuses.identity, silent.identity])
                #expect(tally.rows.map(\.result) == [.applied, .refused, .late])
                #expect(tally.rows[1].reason == "out of range")
                #expect(tally.rows.map(\.bots) == [["a"], ["b"], ["c"]].map { $0.compactMap { BotID($0) } })

                // Those not covered get the message too, and are no rows.
                let narrow = try await api.broadcast(.bot(try #require(BotID("a"))))
                #expect(narrow.rows.map(\.result) == [.applied])
                #expect(narrow.generation == 2)

                let history = try await api.get("/v1/config/history", [GenerationView].self)
                #expect(history.map(\.generation.number) == [2, 1])
                #expect(history.map(\.author) == ["operator", "operator"])
                let config = try await api.get("/v1/config?bot=b", ConfigView.self)
                #expect(config.generation == 2)
                #expect(config.effective?.first { $0.key == "greeting" }?.source == "global")
                for worker in [applies, refuses, silent] { await worker.close() }
            }
        }
    }

    @Test func aLabelThatNoBotHasChangesNothing() async throws {
        try await CoordinatorHarness.with { harness in
            try await harness.run(harness.configuration()) { api in
                #expect(try await api.addBot("a", labels: ["team": "x"]).status == 201)
                let request = ConfigBroadcastRequest(
                    scope: .label(key: "team", value: "y"), set: ["greeting": .string("Hi")], timeoutMilliseconds: 100)
                let answer = try await api.post("/v1/config", request)
                #expect(answer.status == 404)
                #expect(try answer.decoded(APIError.self).message.contains("team=y"))
                let generation = try await api.get("/v1/config", ConfigView.self).generation
                #expect(generation == 0)
            }
        }
    }

    @Test func aNewLifeOfAWorkerEndsTheWaitForTheOld() async throws {
        try await CoordinatorHarness.with { harness in
            try await harness.run(harness.configuration()) { api in
                #expect(try await api.addBot("a").status == 201)
                let silent = try await FakeWorker("a-1", bots: ["a"], .silent, broker: harness.broker)
                try await silent.beat()
                _ = try await api.untilWorkers { $0.count == 1 }
                // The time-out is far beyond the test's own limit: only the death can end it.
                async let tally = api.broadcast(timeout: 600_000)
                _ = await silent.received.first { _ in true }
                let next = try await FakeWorker("a-1", bots: ["a"], .apply, broker: harness.broker)
                try await next.beat()
                let rows = try await tally.rows
                #expect(rows.map(\.worker) == [silent.identity])
                #expect(rows.map(\.result) == [.missing])
                #expect(rows.first?.reason == "died")
                await silent.close()
                await next.close()
            }
        }
    }

    @Test func twoAtOnceKeepTheirAnswersApart() async throws {
        try await CoordinatorHarness.with { harness in
            try await harness.run(harness.configuration()) { api in
                for bot in ["a", "b"] { #expect(try await api.addBot(bot).status == 201) }
                let a = try await FakeWorker("a-1", bots: ["a"], .apply, broker: harness.broker)
                let b = try await FakeWorker("b-1", bots: ["b"], .refuse("no"), broker: harness.broker)
                for worker in [a, b] { try await worker.beat() }
                _ = try await api.untilWorkers { $0.count == 2 }
                async let first = api.broadcast(.bot(try #require(BotID("a"))), greeting: "one")
                async let second = api.broadcast(.bot(try #require(BotID("b"))), greeting: "two")
                let (one, two) = try await (first, second)
                #expect(one.rows.map(\.result) == [.applied] && one.rows.first?.worker == a.identity)
                #expect(two.rows.map(\.result) == [.refused] && two.rows.first?.worker == b.identity)
                #expect(Set([one.generation, two.generation]) == [1, 2])
                for worker in [a, b] { await worker.close() }
            }
        }
    }

    @Test func nobodyThereIsNoRow() async throws {
        try await CoordinatorHarness.with { harness in
            try await harness.run(harness.configuration()) { api in
                let tally = try await api.broadcast()
                #expect(tally.rows.isEmpty && tally.generation == 1)
            }
        }
    }

    @Test func aRefusedConfigIsNeitherCommittedNorSent() async throws {
        try await CoordinatorHarness.with { harness in
            try await harness.run(harness.configuration()) { api in
                let request = ConfigBroadcastRequest(
                    scope: .global,
                    set: ["greting": .string("x"), "pull.prefetch": .int(0), "greeting": .string("fine")])
                let answer = try await api.post("/v1/config", request)
                #expect(answer.status == 422)
                #expect(try answer.decoded(APIError.self).problems?.map(\.key) == ["greting", "pull.prefetch"])
                #expect(try await api.get("/v1/config", ConfigView.self).generation == 0)
            }
        }
    }

    @Test func whoIsBehindIsTold() async throws {
        try await CoordinatorHarness.with { harness in
            try await harness.run(harness.configuration()) { api in
                #expect(try await api.addBot("a").status == 201)
                #expect(try await api.broadcast().generation == 1)
                let hash = try await api.get("/v1/config", ConfigView.self).hash
                let worker = try await FakeWorker("a-1", bots: ["a"], .apply, broker: harness.broker)
                let beats = Task {
                    while !Task.isCancelled {
                        try await worker.beat(generation: 0, hash: "")
                        try await Task.sleep(for: .milliseconds(50))
                    }
                }
                let message = await worker.received.first { _ in true }
                #expect(message?.action == .refresh)
                beats.cancel()
                #expect(!hash.isEmpty)
                await worker.close()
            }
        }
    }

    @Test func aGoodbyeLeavesTheRoster() async throws {
        try await CoordinatorHarness.with { harness in
            try await harness.run(harness.configuration()) { api in
                let worker = try await FakeWorker("a-1", bots: ["a"], .apply, broker: harness.broker)
                try await worker.beat()
                _ = try await api.untilWorkers { $0.map(\.health) == [.live] }
                try await worker.beat(.stopped)
                _ = try await api.untilWorkers { $0.isEmpty }
                await worker.close()
            }
        }
    }

    @Test func aBotThatShouldRunAndHasNoWorkerIsMissing() async throws {
        try await CoordinatorHarness.with { harness in
            try await harness.run(harness.configuration()) { api in
                for bot in ["a", "b", "c"] { #expect(try await api.addBot(bot).status == 201) }
                #expect(try await api.post("/v1/bots/c/stop").status == 200)
                let worker = try await FakeWorker("a-1", bots: ["a"], .apply, broker: harness.broker)
                try await worker.beat()
                _ = try await api.untilWorkers { $0.count == 1 }
                let tally = try await api.broadcast()
                #expect(tally.rows.map(\.result) == [.applied, .missing])
                #expect(tally.rows.last?.bots.map(\.rawValue) == ["b"])
                #expect(tally.rows.last?.reason == "no worker reported")
                #expect(!tally.everyoneApplied)
                let stopped = try await api.broadcast(.bot(try #require(BotID("c"))))
                #expect(stopped.rows.isEmpty)
                await worker.close()
            }
        }
    }

    @Test func shuttingDownEndsTheWaitForAnswers() async throws {
        try await CoordinatorHarness.with { harness in
            let (ports, port) = AsyncStream.makeStream(of: Int.self)
            let running = Task {
                try await Coordinator.run(harness.configuration(), logger: TestBroker.logger) { port.yield($0) }
            }
            let number = try #require(await ports.first { _ in true })
            let api = try APIClient(port: number, tokenFile: harness.tokenFile)
            try await api.untilHealthy()
            #expect(try await api.addBot("a").status == 201)
            let silent = try await FakeWorker("a-1", bots: ["a"], .silent, broker: harness.broker)
            try await silent.beat()
            _ = try await api.untilWorkers { $0.count == 1 }
            // Its time-out is far beyond the test's own limit: only the shutdown can end it.
            async let tally = api.broadcast(timeout: 600_000)
            _ = await silent.received.first { _ in true }
            #expect(try await api.post("/v1/shutdown", ShutdownRequest(workers: false)).status == 200)
            let rows = try await tally.rows
            #expect(rows.map(\.result) == [.late])
            try await running.value
            await silent.close()
            await api.close()
        }
    }
}
