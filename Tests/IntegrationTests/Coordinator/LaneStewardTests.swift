import Broker
import Coordinator
import FleetControl
import FleetModel
import FleetTesting
import Store
import Testing

/// The coordinator's side of lanes, with workers that only send heartbeats: the tests serve the lanes by hand.
@Suite(.timeLimit(.minutes(2))) struct LaneStewardTests {
    @Test func severalWorkersShareTheLanesAndAreTold() async throws {
        try await CoordinatorHarness.with { harness in
            try await harness.run(harness.configuration()) { api in
                let bot = try await Self.addBot("a", lanes: 4, api)
                let first = try await FakeWorker("w-1", bots: ["a"], .apply, broker: harness.broker)
                try await first.beat()
                _ = try await api.untilWorkers { $0.count == 1 }
                let second = try await FakeWorker("w-2", bots: ["a"], .apply, broker: harness.broker)
                try await second.beat()
                for worker in [first, second] {
                    #expect(await worker.received.first { _ in true }?.action == .refresh)
                }
                let plan = try #require(try await harness.database.lanePlans(of: [bot])[bot])
                #expect(plan.assignments.map(\.key.number) == [-1, 0, 1, 2, 3])
                for name in ["w-1", "w-2"] {
                    #expect(plan.assignments.count { $0.key.number >= 0 && $0.owner == name } == 2)
                    #expect(plan.assignments.allSatisfy { $0.owner == name || $0.standby == name })
                }
                // A worker alone with its bot is written nowhere: it serves every lane anyway.
                let lonely = try await Self.addBot("b", lanes: 4, api)
                #expect(try await harness.database.lanePlans(of: [lonely])[lonely]?.assignments == [])
                for worker in [first, second] { await worker.close() }
            }
        }
    }

    @Test func aChangeOfLanesRunsToItsEnd() async throws {
        try await CoordinatorHarness.with { harness in
            let database = harness.database
            try await harness.run(harness.configuration()) { api in
                let bot = try await Self.addBot("a", lanes: 1, api)
                let worker = try await FakeWorker("w-1", bots: ["a"], .apply, broker: harness.broker)
                try await worker.beat()
                _ = try await api.untilWorkers { $0.count == 1 }
                #expect(try await api.patch("/v1/bots/a", BotChange(lanes: 4)).status == 200)
                #expect(await worker.received.first { _ in true }?.action == .refresh)
                try await Self.serve(LaneLayout(bot: bot), harness)
                #expect(try await Self.opens(LaneLayout(bot: bot, epoch: 1, lanes: 4), database))
                #expect(try await Self.queues(harness, (0..<4).map { "bot.a.1.\($0)" }) == [true, true, true, true])

                #expect(try await api.patch("/v1/bots/a", BotChange(lanes: 2)).status == 200)
                try await Self.serve(LaneLayout(bot: bot, epoch: 1, lanes: 4), harness)
                #expect(try await Self.opens(LaneLayout(bot: bot, epoch: 2, lanes: 2), database))
                #expect(try await eventually { try await database.layoutChanges().isEmpty })
                let names = ["bot.a", "bot.a.1.0", "bot.a.1.3", "bot.a.2.0", "bot.a.2.1"]
                #expect(try await Self.queues(harness, names) == [true, false, false, true, true])

                #expect(try await api.patch("/v1/bots/a", BotChange(lanes: 1)).status == 200)
                try await Self.serve(LaneLayout(bot: bot, epoch: 2, lanes: 2), harness)
                #expect(try await Self.opens(LaneLayout(bot: bot, epoch: 3, lanes: 1), database))
                #expect(try await eventually { try await database.layoutChanges().isEmpty })
                #expect(try await Self.queues(harness, ["bot.a", "bot.a.2.0"]) == [true, false])
                await worker.close()
            }
        }
    }

    /// How far an earlier coordinator came before it was killed.
    enum Killed: CaseIterable {
        case beforeClosing, afterClosing, afterSealing, afterAllWereSealed, afterOpening
    }

    @Test(arguments: Killed.allCases) func theNextCoordinatorGoesOn(killed: Killed) async throws {
        try await CoordinatorHarness.with { harness in
            let database = harness.database
            let bot = try #require(BotID("a"))
            let old = LaneLayout(bot: bot, lanes: 2)
            try await harness.run(harness.configuration()) { api in _ = try await Self.addBot("a", lanes: 2, api) }
            try await database.changeBot(bot, BotChange(lanes: 3))
            let spec = try #require(try await database.bot(bot)?.spec)
            let connection = try await harness.broker.connect()
            let channel = try await connection.openChannel()
            try await channel.declareLanes(old, of: spec)
            if killed != .beforeClosing { _ = try await database.beginClosing(bot) }
            if killed == .afterSealing || killed == .afterAllWereSealed || killed == .afterOpening {
                let publisher = try await Publisher.open(on: connection)
                #expect(try await publisher.publishSeals(old).isEmpty)
            }
            if killed == .afterAllWereSealed || killed == .afterOpening { try await Self.serve(old, harness) }
            if killed == .afterOpening {
                let next = LaneLayout(bot: bot, epoch: 1, lanes: 3)
                try await channel.declareLanes(next, of: spec)
                _ = try await database.openLayout(bot, epoch: 1, lanes: 3)
            }
            try await harness.run(harness.configuration()) { _ in
                if killed != .afterAllWereSealed, killed != .afterOpening { try await Self.serve(old, harness) }
                #expect(try await Self.opens(LaneLayout(bot: bot, epoch: 1, lanes: 3), database))
                #expect(try await eventually { try await database.layoutChanges().isEmpty })
                let names = ["bot.a", "bot.a.0.0", "bot.a.0.1", "bot.a.1.0", "bot.a.1.1", "bot.a.1.2"]
                #expect(try await Self.queues(harness, names) == [true, false, false, true, true, true])
            }
            await connection.close()
        }
    }

    /// Whoever comes while an epoch ends gets lanes of the next one; the first turn that could give it some is over when
    /// it has been told of that.
    @Test func anEpochThatEndsIsNotBalancedAnyMore() async throws {
        try await CoordinatorHarness.with { harness in
            let database = harness.database
            try await harness.run(harness.configuration()) { api in
                let bot = try await Self.addBot("a", lanes: 4, api)
                var workers: [FakeWorker] = []
                for name in ["w-1", "w-2"] {
                    workers.append(try await FakeWorker(name, bots: ["a"], .apply, broker: harness.broker))
                    try await workers[workers.count - 1].beat()
                }
                let isPlaced = try await eventually {
                    try await database.lanePlans(of: [bot])[bot]?.assignments.count == 5
                }
                #expect(isPlaced)
                let before = try await database.lanePlans(of: [bot])[bot]?.assignments
                #expect(try await api.patch("/v1/bots/a", BotChange(lanes: 3)).status == 200)
                #expect(try await eventually { try await database.laneLayout(of: bot).state == .closing })
                workers.append(try await FakeWorker("w-3", bots: ["a"], .apply, broker: harness.broker))
                try await workers[2].beat()
                _ = try await api.untilWorkers { $0.count == 3 }
                try await Self.serve(LaneLayout(bot: bot, lanes: 4), harness) {
                    // Read before the last lane is sealed.
                    let plans = try await database.lanePlans(of: [bot])
                    #expect(plans[bot]?.assignments == before)
                }
                let next = try await eventually {
                    let plan = try await database.lanePlans(of: [bot])[bot]
                    let owners = Set((plan?.assignments ?? []).filter { $0.key.number >= 0 }.map(\.owner))
                    return plan?.layout.epoch == 1 && owners == ["w-1", "w-2", "w-3"]
                }
                #expect(next)
                for worker in workers { await worker.close() }
            }
        }
    }

    @Test func aRemovedBotLeavesNoQueue() async throws {
        try await CoordinatorHarness.with { harness in
            try await harness.run(harness.configuration()) { api in
                let bot = try await Self.addBot("a", lanes: 3, api)
                let connection = try await harness.broker.connect()
                let channel = try await connection.openChannel()
                let spec = try #require(try await harness.database.bot(bot)?.spec)
                try await channel.declareLanes(LaneLayout(bot: bot, lanes: 3), of: spec)
                // Three in the intake and two in lanes: all are told.
                let publisher = try await Publisher.open(on: connection)
                let keys = ["bot.a", "bot.a", "bot.a", "bot.a.0.0", "bot.a.0.2"]
                let outcomes = try await publisher.publish(keys.map { Publication(routingKey: $0, body: []) })
                #expect(outcomes.allSatisfy { $0.isConfirmed })
                #expect(try await eventually { try await api.get("/v1/bots/a", BotView.self).backlog == 5 })
                #expect(try await api.delete("/v1/bots/a").status == 204)
                let names = ["bot.a", "bot.a.dead", "bot.a.0.0", "bot.a.0.1", "bot.a.0.2"]
                #expect(try await Self.queues(harness, names) == [false, false, false, false, false])
                await connection.close()
            }
        }
    }

    // MARK: Parts

    private static func addBot(_ id: String, lanes: Int, _ api: APIClient) async throws -> BotID {
        #expect(try await api.addBot(id, lanes: lanes).status == 201)
        return try #require(BotID(id))
    }

    /// What owners do with a closing epoch: each lane is served up to its seal, which is noted.
    private static func serve(
        _ layout: LaneLayout, _ harness: CoordinatorHarness, beforeTheEnd: () async throws -> Void = {}
    ) async throws {
        let database = harness.database
        #expect(try await eventually { try await database.laneLayout(of: layout.bot).state == .closing })
        let connection = try await harness.broker.connect()
        let worker = WorkerIdentity(name: "by-hand")
        for key in layout.keys {
            let claim = try await database.claimLane(key, worker: worker)
            // The queue may not be there yet, and the seal may come twice.
            let queue = FleetTopology.queue(of: key, laneCount: layout.lanes)
            let isThere = try await eventually { try await Self.queues(harness, [queue]) == [true] }
            #expect(isThere)
            let channel = try await connection.openChannel()
            let deliveries = try await channel.consume(queue, prefetch: 10)
            var isSealed = false
            while !isSealed {
                for delivery in try await deliveries.next(max: 10) {
                    try await channel.ack(AckSet(also: [delivery.tag]))
                    let epoch = delivery.headers[FleetTopology.sealHeader]?.integer
                    if epoch == Int64(layout.epoch) { isSealed = true }
                }
            }
            if key == layout.keys.last { try await beforeTheEnd() }
            #expect(try await database.sealLane(claim))
            await channel.close()
        }
        await connection.close()
    }

    private static func opens(_ layout: LaneLayout, _ database: Database) async throws -> Bool {
        try await eventually { try await database.laneLayout(of: layout.bot) == layout }
    }

    /// Which of these queues are there.
    private static func queues(_ harness: CoordinatorHarness, _ names: [String]) async throws -> [Bool] {
        let connection = try await harness.broker.connect()
        var found: [Bool] = []
        for name in names {
            // A queue that is missing closes the channel it is asked on.
            let channel = try await connection.openChannel()
            found.append((try? await channel.queueStatus(name)) != nil)
            await channel.close()
        }
        await connection.close()
        return found
    }
}
