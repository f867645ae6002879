import FleetModel
import FleetTesting
import Glibc
import Store
import Testing

/// A bot is spread over lanes and workers, and back, while updates come in.
@Suite(.timeLimit(.minutes(4))) struct ScalingTests {
    @Test func scalingOutAndBackUnderLoadLosesNothing() async throws {
        try await SupervisedFleet.with { fleet in
            let (coordinator, api) = try await fleet.startCoordinator()
            let path = "/v1/bots/\(fleet.fixture.bot)"
            let count = try await fleet.underLoad(chats: 40) {
                #expect(try await eventually { try await fleet.fixture.scalar("SELECT count(*) FROM inbox") > 200 })
                #expect(try await api.patch(path, BotChange(lanes: 4, workers: 2)).status == 200)
                #expect(try await fleet.opens(epoch: 1, lanes: 4), "\(coordinator.stderr)")
                #expect(try await fleet.areOwned(epoch: 1, lanes: 4, by: 2), "\(coordinator.stderr)")
                let view = try await api.get(path, BotView.self)
                #expect(view.workers == ["shop-1", "shop-2"])
                #expect(view.lanes?.places?.map(\.number) == [-1, 0, 1, 2, 3])
                // Heartbeats say who has a lane in fact: each its owner.
                #expect(try await fleet.areWithTheirOwners(api), "\(coordinator.stderr)")
                #expect(try await api.patch(path, BotChange(lanes: 1, workers: 1)).status == 200)
                #expect(try await fleet.opens(epoch: 2, lanes: 1), "\(coordinator.stderr)")
            }
            #expect(try await fleet.fixture.settles(count), "\(coordinator.stderr)")
            try await fleet.fixture.expectExactlyOnce(1...count, chats: 40)
            #expect(try await eventually { try await api.get(path, BotView.self).workers == ["shop-1"] })
            await fleet.stop(coordinator)
            await api.close()
        }
    }

    /// Killed again and again, at another moment of the change each time.
    @Test func aChangeSurvivesItsCoordinator() async throws {
        try await SupervisedFleet.with { fleet in
            let bot = fleet.fixture.bot
            var (coordinator, api) = try await fleet.startCoordinator()
            let count = try await fleet.underLoad(chats: 40) {
                #expect(try await eventually { try await fleet.fixture.scalar("SELECT count(*) FROM inbox") > 200 })
                for (epoch, lanes) in [(Int32(1), 3), (2, 1), (3, 4), (4, 2)] {
                    #expect(try await api.patch("/v1/bots/\(bot)", BotChange(lanes: lanes, workers: 2)).status == 200)
                    // Its first steps take some milliseconds each.
                    try await Task.sleep(for: .milliseconds(20 * Int(epoch)))
                    coordinator.signal(SIGKILL)
                    _ = await coordinator.exit()
                    await api.close()
                    (coordinator, api) = try await fleet.startCoordinator()
                    #expect(try await fleet.opens(epoch: epoch, lanes: lanes), "\(coordinator.stderr)")
                }
            }
            #expect(try await fleet.fixture.settles(count), "\(coordinator.stderr)")
            try await fleet.fixture.expectExactlyOnce(1...count, chats: 40)
            await fleet.stop(coordinator)
            await api.close()
        }
    }

    /// An owner is killed; who stands by goes on, and the supervisor's new process gets its lanes back.
    @Test func aKilledOwnerIsReplacedAtOnce() async throws {
        try await SupervisedFleet.with { fleet in
            let (coordinator, api) = try await fleet.startCoordinator()
            let path = "/v1/bots/\(fleet.fixture.bot)"
            let count = try await fleet.underLoad(chats: 40) {
                #expect(try await api.patch(path, BotChange(lanes: 6, workers: 3)).status == 200)
                #expect(try await fleet.opens(epoch: 1, lanes: 6), "\(coordinator.stderr)")
                #expect(try await fleet.areOwned(epoch: 1, lanes: 6, by: 3), "\(coordinator.stderr)")
                let plans = try await fleet.fixture.database.lanePlans(of: [fleet.fixture.bot])
                let workers = try await api.get("/v1/workers", [WorkerView].self)
                let victim = try #require(workers.first { $0.heartbeat.worker.name == "shop-2" })
                kill(victim.heartbeat.pid, SIGKILL)
                _ = try await api.untilWorkers { views in
                    views.contains {
                        $0.heartbeat.worker.name == "shop-2" && $0.heartbeat.pid != victim.heartbeat.pid
                            && $0.heartbeat.state == .running && $0.health == .live
                    }
                }
                #expect(try await fleet.areOwned(epoch: 1, lanes: 6, by: 3), "\(coordinator.stderr)")
                let after = try await fleet.fixture.database.lanePlans(of: [fleet.fixture.bot])
                #expect(after == plans, "a quick restart moves nothing")
                #expect(try await fleet.areWithTheirOwners(api), "\(coordinator.stderr)")
            }
            #expect(try await fleet.fixture.settles(count), "\(coordinator.stderr)")
            // What was on its way when it was killed may go out again.
            try await fleet.fixture.expectExactlyOnce(1...count, chats: 40, repeats: 100)
            await fleet.stop(coordinator)
            await api.close()
        }
    }
}
