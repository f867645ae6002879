import FleetModel
import FleetTesting
import Store
import Testing

@Suite(.timeLimit(.minutes(2))) struct StoreLayoutTests {
    let worker = WorkerIdentity(name: "w1")
    let rival = WorkerIdentity(name: "w2")

    static func with(lanes: Int, _ body: (Database, BotID) async throws -> Void) async throws {
        let bot = try #require(BotID("alpha"))
        try await TestDatabase.with { database in
            try await TestDatabase.addBot(database, bot, lanes: lanes)
            try await body(database, bot)
        }
    }

    @Test func aBotWithoutARowHasTheLanesItWasAddedWith() async throws {
        try await Self.with(lanes: 3) { database, bot in
            #expect(try await database.laneLayout(of: bot) == LaneLayout(bot: bot, lanes: 3))
            _ = try await database.query(Statement("", "DELETE FROM lane_layout"))
            #expect(try await database.laneLayout(of: bot) == LaneLayout(bot: bot, lanes: 3))
            #expect(try await database.lanePlans(of: [bot])[bot] == LanePlan(layout: LaneLayout(bot: bot, lanes: 3)))
            let closing = LaneLayout(bot: bot, lanes: 3, state: .closing)
            #expect(try await database.beginClosing(bot) == closing)
            let nobody = try #require(BotID("nobody"))
            #expect(try await database.lanePlans(of: [nobody]).isEmpty)
            let error = await #expect(throws: StoreError.self) { try await database.laneLayout(of: nobody) }
            #expect(error?.code == .notFound)
        }
    }

    @Test func closingFencesTheMoverForGood() async throws {
        try await Self.with(lanes: 2) { database, bot in
            let layout = try await database.laneLayout(of: bot)
            let mover = try await database.claimLane(layout.mover, worker: worker)
            try await database.confirmLane(mover)
            #expect(try await database.beginClosing(bot).state == .closing)
            let fenced = await #expect(throws: StoreError.self) { try await database.confirmLane(mover) }
            #expect(fenced?.code == .fenced)
            // A mover that has not heard of the closing must not come back in.
            let sealed = await #expect(throws: StoreError.self) {
                try await database.claimLane(layout.mover, worker: rival)
            }
            #expect(sealed?.code == .sealed)
            // The same again raises nothing.
            _ = try await database.beginClosing(bot)
            #expect(try await database.lanes(of: bot).map(\.term) == [mover.term + 1])
        }
    }

    @Test func aMoverThatNeverWasCannotComeAfterTheClosing() async throws {
        try await Self.with(lanes: 2) { database, bot in
            let layout = try await database.beginClosing(bot)
            let error = await #expect(throws: StoreError.self) {
                try await database.claimLane(layout.mover, worker: worker)
            }
            #expect(error?.code == .sealed)
        }
    }

    @Test func theNextEpochOpensWhenEveryLaneIsSealed() async throws {
        try await Self.with(lanes: 2) { database, bot in
            let layout = try await database.laneLayout(of: bot)
            func open(_ epoch: Int32, _ lanes: Int) async throws -> LaneLayout {
                try await database.openLayout(bot, epoch: epoch, lanes: lanes)
            }
            var claims: [LaneClaim] = []
            for key in layout.keys { claims.append(try await database.claimLane(key, worker: worker)) }
            // Not closing.
            await #expect(throws: StoreError.self) { _ = try await open(1, 3) }
            _ = try await database.beginClosing(bot)
            #expect(try await database.sealLane(claims[1]))
            #expect(try await database.sealedLanes(bot, epoch: 0) == [1])
            // Lane 0 is not sealed.
            let early = await #expect(throws: StoreError.self) { _ = try await open(1, 3) }
            #expect(early?.code == .conflict)
            #expect(try await database.sealLane(claims[0]))
            #expect(try await database.sealLane(claims[0]), "twice is as good as once")
            // Not the next epoch.
            await #expect(throws: StoreError.self) { _ = try await open(2, 3) }
            let opened = LaneLayout(bot: bot, epoch: 1, lanes: 3)
            #expect(try await open(1, 3) == opened)
            #expect(try await open(1, 3) == opened, "the same again has no effect")
            // Nobody takes a lane of the old epoch any more; the new ones are free.
            let error = await #expect(throws: StoreError.self) {
                try await database.claimLane(layout.keys[0], worker: rival)
            }
            #expect(error?.code == .sealed)
            #expect(try await database.claimLane(opened.keys[0], worker: rival).term == 1)
            #expect(try await database.claimLane(opened.mover, worker: rival).term == 1)
        }
    }

    @Test func aLaneIsSealedByItsOwnerAloneAndOnlyWhenItIsFinished() async throws {
        try await Self.with(lanes: 1) { database, bot in
            let stale = try await database.claimLane(LaneKey(bot: bot), worker: worker)
            var settlement = Settlement()
            settlement.settle(updateID: 1, as: .done)
            settlement.send(OutboxRow(seq: 1, updateID: 1, conversation: 5, method: "sendMessage", body: [0x7B, 0x7D]))
            try await database.settle(settlement, lane: stale)
            let owner = try await database.claimLane(LaneKey(bot: bot), worker: rival)
            let error = await #expect(throws: StoreError.self) { try await database.sealLane(stale) }
            #expect(error?.code == .fenced)

            #expect(try await database.backlog(ofLane: owner.id) == LaneBacklog(waiting: 0, unsent: 1))
            #expect(try await !database.sealLane(owner), "a message is not sent")
            try await database.markSent(lane: owner.id, seqs: [1])
            _ = try await database.query(
                Statement(
                    "",
                    """
                    INSERT INTO waiting (lane_id, conversation, seq, update_id, body)
                    SELECT id, 5, 1, 2, 'x' FROM lane
                    """))
            #expect(try await database.backlog(ofLane: owner.id) == LaneBacklog(waiting: 1, unsent: 0))
            #expect(try await !database.sealLane(owner), "an update waits")
            #expect(try await database.sealedLanes(bot, epoch: 0).isEmpty)
            _ = try await database.query(Statement("", "DELETE FROM waiting"))
            #expect(try await database.sealLane(owner))
            #expect(try await database.sealedLanes(bot, epoch: 0) == [0])
        }
    }

    @Test func assignmentsAreReplacedTogetherAndEndWithTheirEpoch() async throws {
        try await Self.with(lanes: 1) { database, bot in
            let layout = try await database.laneLayout(of: bot)
            let first = [LaneAssignment(key: layout.keys[0], owner: "w1", standby: "w2")]
            try await database.assignLanes(bot, epoch: 0, first)
            #expect(try await database.lanePlans(of: [bot])[bot] == LanePlan(layout: layout, assignments: first))

            let claim = try await database.claimLane(layout.keys[0], worker: worker)
            _ = try await database.beginClosing(bot)
            #expect(try await database.sealLane(claim))
            // Those of the next epoch may be there before it opens, and nobody sees them until then.
            let next = LaneLayout(bot: bot, epoch: 1, lanes: 2)
            let second = [
                LaneAssignment(key: next.mover, owner: "w2", standby: "w1"),
                LaneAssignment(key: next.keys[0], owner: "w1"), LaneAssignment(key: next.keys[1], owner: "w2"),
            ]
            try await database.assignLanes(bot, epoch: 1, second)
            #expect(try await database.lanePlans(of: [bot])[bot]?.assignments == first)
            _ = try await database.openLayout(bot, epoch: 1, lanes: 2)
            #expect(try await database.lanePlans(of: [bot])[bot] == LanePlan(layout: next, assignments: second))
            let over = await #expect(throws: StoreError.self) {
                try await database.assignLanes(bot, epoch: 0, first)
            }
            #expect(over?.code == .conflict)
            // Owners' subscriptions are counted, whoever the owner is: a standby remembers the count.
            try await database.noteSubscription(to: next.keys[0], owner: "w1")
            try await database.noteSubscription(to: next.keys[0], owner: "somebody")
            #expect(try await database.ownerSubscriptions(to: next.keys[0]) == 1)
            #expect(try await database.ownerSubscriptions(to: next.keys[1]) == 0)
            try await database.assignLanes(
                bot, epoch: 1, [LaneAssignment(key: next.keys[0], owner: "w1", standby: "w2")])
            #expect(try await database.ownerSubscriptions(to: next.keys[0]) == 1)
            #expect(try await database.lanePlans(of: [bot])[bot]?.assignments.count == 1)
            try await database.assignLanes(bot, epoch: 1, [LaneAssignment(key: next.keys[0], owner: "w2")])
            #expect(try await database.ownerSubscriptions(to: next.keys[0]) == 1)
            try await database.noteSubscription(to: next.keys[0], owner: "w2")
            #expect(try await database.ownerSubscriptions(to: next.keys[0]) == 2)
            try await database.assignLanes(bot, epoch: 1, [])
            #expect(try await database.lanePlans(of: [bot])[bot]?.assignments == [])
        }
    }
}
