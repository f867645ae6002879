import FleetModel
import FleetTesting
import Glibc
import Testing

@Suite(.timeLimit(.minutes(2))) struct SupervisionTests {
    @Test func botsGetAndLoseTheirProcesses() async throws {
        try await CoordinatorHarness.with { harness in
            let configuration = harness.configuration(supervised: try harness.standIn())
            try await harness.run(configuration) { api in
                #expect(try await api.addBot("a").status == 201)
                let started = try await api.untilWorkers { $0.count == 1 }
                #expect(started.map(\.heartbeat.worker.name) == ["a-1"])
                #expect(started.map(\.health) == [.starting])
                #expect(try await api.get("/v1/bots/a", BotView.self).workers == ["a-1"])
                let first = try #require(started.first?.heartbeat.pid)

                kill(first, SIGKILL)
                let again = try await api.untilWorkers { $0.contains { $0.heartbeat.pid != first } }
                #expect(again.map(\.restarts) == [1])

                #expect(try await api.post("/v1/bots/a/stop").decoded(BotView.self).workers.isEmpty)
                #expect(try await api.get("/v1/workers", [WorkerView].self).isEmpty)
                #expect(try await api.post("/v1/bots/a/restart").status == 409)
                #expect(try await api.post("/v1/bots/a/start").status == 200)
                let last = try #require(try await api.untilWorkers { $0.count == 1 }.first?.heartbeat.pid)
                #expect(try await api.post("/v1/bots/a/restart").status == 200)
                _ = try await api.untilWorkers { $0.contains { $0.heartbeat.pid != last } }
                #expect(try await api.delete("/v1/bots/a").status == 204)
                let none = try await api.get("/v1/workers", [WorkerView].self)
                #expect(none.isEmpty)
            }
        }
    }

    @Test func theNextCoordinatorAdopts() async throws {
        try await CoordinatorHarness.with { harness in
            let configuration = harness.configuration(supervised: try harness.standIn())
            var pids: [Int32] = []
            try await harness.run(configuration, leavingWorkers: true) { api in
                for bot in ["a", "b"] { #expect(try await api.addBot(bot).status == 201) }
                pids = try await api.untilWorkers { $0.count == 2 }.map(\.heartbeat.pid)
            }
            for pid in pids { #expect(kill(pid, 0) == 0, "it goes on without a coordinator") }
            try await harness.run(configuration) { api in
                let adopted = try await api.untilWorkers { $0.count == 2 }
                #expect(adopted.map(\.heartbeat.pid) == pids)
                kill(pids[0], SIGKILL)
                let healed = try await api.untilWorkers { views in
                    views.count == 2 && !views.contains { $0.heartbeat.pid == pids[0] }
                }
                #expect(healed.map(\.heartbeat.pid).contains(pids[1]))
            }
            // They were children of this process, adopted within it: collect them.
            for pid in pids { waitpid(pid, nil, 0) }
        }
    }

    @Test func aSupervisedWorkersDeathEndsTheWaitForIt() async throws {
        try await CoordinatorHarness.with { harness in
            let configuration = harness.configuration(supervised: try harness.standIn())
            try await harness.run(configuration) { api in
                #expect(try await api.addBot("a").status == 201)
                let pid = try #require(try await api.untilWorkers { $0.count == 1 }.first?.heartbeat.pid)
                let voice = try await FakeWorker("a-1", bots: ["a"], .silent, broker: harness.broker, pid: pid)
                try await voice.beat()
                _ = try await api.untilWorkers { $0.map(\.health) == [.live] }
                // The time-out is far beyond the test's own limit: only the death can end it.
                async let tally = api.broadcast(timeout: 600_000)
                _ = await voice.received.first { _ in true }
                kill(pid, SIGKILL)
                let rows = try await tally.rows
                #expect(rows.map(\.result) == [.missing])
                #expect(rows.first?.reason == "died")
                await voice.close()
            }
        }
    }

    /// Its process lives and says nothing any more; the other one goes on speaking.
    @Test func aWorkerThatHangsIsKilledAndStartedAgain() async throws {
        try await CoordinatorHarness.with { harness in
            let configuration = harness.configuration(supervised: try harness.standIn())
            try await harness.run(configuration) { api in
                for bot in ["a", "b"] { #expect(try await api.addBot(bot).status == 201) }
                let started = try await api.untilWorkers { $0.count == 2 }.map(\.heartbeat.pid)
                let hanging = try await FakeWorker("a-1", bots: ["a"], .silent, broker: harness.broker, pid: started[0])
                let busy = try await FakeWorker("b-1", bots: ["b"], .silent, broker: harness.broker, pid: started[1])
                try await hanging.beat()
                let speaking = Task {
                    while !Task.isCancelled {
                        try await busy.beat()
                        try await Task.sleep(for: Heartbeat.interval)
                    }
                }
                // The time limit of the test fails it when nobody does anything.
                let views = try await api.untilWorkers { views in
                    views.contains { $0.heartbeat.worker.name == "a-1" && $0.restarts == 1 }
                }
                let other = try #require(views.first { $0.heartbeat.worker.name == "b-1" })
                #expect(other.restarts == 0)
                #expect(other.heartbeat.pid == started[1])
                speaking.cancel()
                for worker in [hanging, busy] { await worker.close() }
            }
        }
    }
}
