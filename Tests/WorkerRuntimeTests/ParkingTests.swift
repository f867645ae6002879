import FleetModel
import Testing

@testable import Store
@testable import WorkerRuntime

/// Chats whose updates wait in the database, over failures, slow handlers, restarts and duplicates.
@Suite struct ParkingTests {
    private let fails: (HandlerJob) -> HandlerResult? = {
        $0.update.conversation == 10 ? .failed("no") : .effects(LaneFixture.effects(of: $0))
    }

    @Test func aFailedChatWaitsInTheDatabaseInOrderAndOthersGoOn() {
        var fixture = LaneFixture()
        var database = FakeDatabase()
        fixture.arrive([(1, 10), (2, 10), (3, 20), (4, 10)])
        fixture.run(&database, fails)
        #expect(database.inbox == [3: .done])
        #expect(database.waiting.map(\.row.updateID) == [1, 2, 4])
        #expect(database.waiting.map(\.row.attempts) == [1, 0, 0])
        #expect(fixture.acked == [1, 2, 3, 4])
        #expect(fixture.lane.parkedRows == 3)
        // What comes now queues behind, without running.
        fixture.arrive([(5, 10), (6, 20)])
        fixture.run(&database, fails)
        #expect(database.waiting.map(\.row.updateID) == [1, 2, 4, 5])
        #expect(fixture.started == [1, 3, 6])
        #expect(fixture.acked.count == 6)
        fixture.now += .seconds(1)
        fixture.run(&database)
        #expect(fixture.started == [1, 3, 6, 1, 2, 4, 5])
        #expect(database.sessions[10] == [1, 2, 4, 5])
        #expect(database.waiting.isEmpty && fixture.lane.parkedRows == 0)
        // And now the chat is as any other.
        fixture.arrive([(7, 10)])
        fixture.run(&database)
        #expect(database.sessions[10] == [1, 2, 4, 5, 7])
    }

    @Test func afterTheLastAttemptItIsDeadAndTheNextGoesOn() {
        var fixture = LaneFixture(["handler.attempts": .int(3)])
        var database = FakeDatabase()
        fixture.arrive([(1, 10), (2, 10)])
        let poison: (HandlerJob) -> HandlerResult? = {
            $0.update.id == 1 ? .failed("no") : .effects(LaneFixture.effects(of: $0))
        }
        for _ in 0..<10 {
            fixture.run(&database, poison)
            fixture.now += .seconds(10)
        }
        #expect(fixture.started == [1, 1, 1, 2])
        #expect(database.dead.map(\.attempts) == [3])
        #expect(database.inbox == [1: .dead, 2: .done])
        #expect(database.waiting.isEmpty)
    }

    @Test func thePauseGrowsWithEachAttemptUpToItsBoundAndIsTheSameForTheSameSeed() {
        let limits = LaneLimits(
            BotConfig(values: ["retry.base_ms": .int(100), "retry.max_ms": .int(1000)]))
        var (first, second) = (SeededGenerator(seed: 7), SeededGenerator(seed: 7))
        for attempt in 1...30 {
            let pause = limits.pause(after: attempt, using: &first)
            let whole = Duration.milliseconds(min(1000, 100 << min(attempt - 1, 10)))
            #expect(pause >= whole / 2 && pause <= whole)
            #expect(pause == limits.pause(after: attempt, using: &second))
        }
    }

    @Test func aRestartFindsWhatWaitsAndWhatIsRedeliveredQueuesBehindItOnce() {
        var fixture = LaneFixture()
        var database = FakeDatabase()
        fixture.arrive([(1, 10), (2, 10)])
        fixture.run(&database, fails)
        #expect(database.waiting.count == 2)
        fixture.restart()
        // 2 was committed to `waiting`, but its ack was lost.
        fixture.arrive([(2, 10)], redelivered: true)
        fixture.arrive([(3, 10), (4, 20)])
        fixture.run(&database)
        #expect(fixture.started == [4])
        #expect(database.waiting.map(\.row.updateID) == [1, 2, 3])
        #expect(fixture.acked == [1, 2, 3])
        fixture.now += .seconds(1)
        fixture.run(&database)
        #expect(fixture.started == [4, 1, 2, 3])
        #expect(database.sessions[10] == [1, 2, 3])
    }

    @Test func aSecondPublicationOfWhatWaitsHasNoEffect() {
        var fixture = LaneFixture()
        var database = FakeDatabase()
        fixture.arrive([(1, 10)])
        fixture.run(&database, fails)
        fixture.arrive([(1, 10), (1, 10)])
        fixture.run(&database, fails)
        #expect(database.waiting.count == 1)
        #expect(fixture.acked == [1, 2, 3])
        fixture.now += .seconds(1)
        fixture.run(&database)
        #expect(database.sessions[10] == [1])
        fixture.arrive([(1, 10)], redelivered: true)
        fixture.run(&database)
        #expect(database.sessions[10] == [1])
    }

    @Test func aDuplicateThatComesWhileItsRowIsReadIsAckedWithIt() throws {
        var fixture = LaneFixture()
        var database = FakeDatabase()
        fixture.arrive([(1, 10), (2, 10)])
        fixture.run(&database, fails)
        fixture.now += .seconds(1)
        let due = fixture.lane.takeWaitingRead(now: fixture.now)
        let read = try #require(due)
        fixture.arrive([(2, 10)])
        fixture.lane.waitingRead(read, rows: database.rows(read.lines, limit: 16), now: fixture.now)
        fixture.run(&database)
        #expect(database.sessions[10] == [1, 2])
        #expect(fixture.acked == [1, 2, 3])
        #expect(fixture.lane.entries.isEmpty && database.waiting.isEmpty)
    }

    @Test func withoutOrderOnlyTheFailedUpdateWaits() {
        var fixture = LaneFixture(["retry.keep_order": .bool(false)])
        var database = FakeDatabase()
        let failsOnce: (HandlerJob) -> HandlerResult? = {
            $0.update.id == 1 ? .failed("no") : .effects(LaneFixture.effects(of: $0))
        }
        fixture.arrive([(1, 10), (2, 10)])
        fixture.run(&database, failsOnce)
        fixture.arrive([(3, 10), (1, 10)])
        fixture.run(&database, failsOnce)
        #expect(database.sessions[10] == [2, 3])
        #expect(database.waiting.map(\.row.updateID) == [1])
        #expect(fixture.acked == [1, 2, 3, 4])
        fixture.restart(["retry.keep_order": .bool(false)])
        fixture.arrive([(4, 10)])
        fixture.run(&database, failsOnce)
        fixture.now += .seconds(1)
        fixture.run(&database)
        #expect(database.sessions[10] == [2, 3, 4, 1])
        #expect(database.waiting.isEmpty && fixture.lane.parked.isEmpty)
    }

    @Test func aSlowHandlerGoesOnWhileItsChatIsParkedAndSettlesItsRow() {
        var fixture = LaneFixture(["park.after_ms": .int(1000), "settle.delay_ms": .int(3)])
        var database = FakeDatabase()
        let slow: (HandlerJob) -> HandlerResult? = {
            $0.update.id == 1 ? nil : .effects(LaneFixture.effects(of: $0))
        }
        fixture.arrive([(1, 10), (2, 10), (3, 20)])
        fixture.run(&database, slow)
        fixture.now += .milliseconds(500)
        fixture.run(&database, slow)
        #expect(database.inbox == [3: .done] && database.waiting.isEmpty)
        fixture.now += .milliseconds(500)
        fixture.run(&database, slow)
        #expect(database.waiting.map(\.row.updateID) == [1, 2])
        #expect(fixture.acked == [1, 2, 3])
        fixture.arrive([(4, 10)])
        fixture.run(&database, slow)
        fixture.now += .seconds(5)
        fixture.end(1)
        fixture.run(&database, slow)
        #expect(fixture.started == [1, 3, 2, 4])
        #expect(database.sessions[10] == [1, 2, 4])
        #expect(database.waiting.isEmpty && fixture.lane.parkedRows == 0 && fixture.lane.entries.isEmpty)
    }

    @Test func aSlowHandlerThatFailsIsTriedAgainBeforeWhatWaitsBehindIt() {
        var fixture = LaneFixture(["park.after_ms": .int(1000)])
        var database = FakeDatabase()
        fixture.arrive([(1, 10), (2, 10)])
        fixture.run(&database) { _ in nil }
        fixture.now += .seconds(1)
        fixture.run(&database) { _ in nil }
        fixture.end(1, .failed("no"))
        fixture.run(&database)
        #expect(database.waiting.map(\.row.attempts) == [1, 0])
        fixture.now += .seconds(1)
        fixture.run(&database)
        #expect(fixture.started == [1, 1, 2])
        #expect(database.sessions[10] == [1, 2])
    }

    @Test func aSlowHandlerThatFailsWithoutOrderLeavesTheLineWithTheCommit() {
        var fixture = LaneFixture(["park.after_ms": .int(1000), "retry.keep_order": .bool(false)])
        var database = FakeDatabase()
        fixture.arrive([(1, 10), (2, 10), (3, 10)])
        fixture.run(&database) { _ in nil }
        fixture.now += .seconds(1)
        fixture.run(&database) { _ in nil }
        #expect(database.waiting.map(\.row.updateID) == [1, 2, 3])
        fixture.end(1, .failed("no"))
        // In the database 1 still stands at the head of the line: it must not be read as that.
        let tooEarly = fixture.lane.takeWaitingRead(now: fixture.now)
        #expect(tooEarly == nil)
        fixture.run(&database)
        #expect(database.sessions[10] == [2, 3])
        fixture.now += .seconds(2)
        fixture.run(&database)
        #expect(database.sessions[10] == [2, 3, 1])
        #expect(database.waiting.isEmpty && fixture.lane.parked.isEmpty && fixture.lane.parkedRows == 0)
    }

    @Test func whatStandsBehindADuplicateInAHeldChatIsParkedToo() {
        var fixture = LaneFixture(["park.after_ms": .int(1000)])
        var database = FakeDatabase()
        let slow: (HandlerJob) -> HandlerResult? = { _ in nil }
        fixture.arrive([(1, 10)])
        fixture.run(&database, slow)
        fixture.arrive([(2, 10)], redelivered: true)
        fixture.arrive([(3, 10)])
        fixture.now += .seconds(1)
        fixture.lane.parkSlow(now: fixture.now)
        // The inbox knows 2 already.
        fixture.recall(inbox: [2: .done])
        fixture.run(&database, slow)
        #expect(database.waiting.map(\.row.updateID) == [1, 3])
        #expect(fixture.acked == [1, 2, 3])
    }

    @Test func aChatWithTooManyOpenUpdatesIsParkedBehindItsRunningHandler() {
        var fixture = LaneFixture(["park.max_open": .int(3)])
        var database = FakeDatabase()
        fixture.arrive((1...6).map { ($0, 10) })
        fixture.arrive([(7, 20)])
        fixture.run(&database) { $0.update.id == 1 ? nil : .effects(LaneFixture.effects(of: $0)) }
        #expect(database.waiting.count == 6)
        #expect(fixture.acked == [1, 2, 3, 4, 5, 6, 7])
        fixture.end(1)
        fixture.run(&database)
        #expect(database.sessions[10] == [1, 2, 3, 4, 5, 6])
        #expect(database.waiting.isEmpty)
    }

    @Test func aChatThatFastHandlersKeepUpWithIsNotParked() {
        var fixture = LaneFixture(["park.max_open": .int(3)])
        var database = FakeDatabase()
        fixture.arrive((1...600).map { ($0, 10) })
        fixture.run(&database)
        #expect(database.inbox.count == 600)
        #expect(fixture.lane.lastRead == 0)
    }

    @Test func aChatWithTooManyUnsentRepliesIsParkedUntilTheyAreSent() {
        var fixture = LaneFixture(["park.max_unsent": .int(2)])
        var database = FakeDatabase()
        fixture.sendsAtOnce = false
        fixture.arrive([(1, 10), (2, 10)])
        fixture.run(&database)
        fixture.arrive([(3, 10), (4, 10), (5, 20)])
        fixture.run(&database)
        #expect(fixture.started == [1, 2, 5])
        #expect(database.waiting.map(\.row.updateID) == [3, 4])
        fixture.now += .seconds(2)
        fixture.run(&database)
        #expect(fixture.started == [1, 2, 5])
        fixture.sendsAtOnce = true
        fixture.run(&database)
        fixture.now += .seconds(2)
        fixture.run(&database)
        #expect(database.sessions[10] == [1, 2, 3, 4])
    }

    @Test func aWindowOfManyRowsIsReadPieceByPiece() {
        var fixture = LaneFixture(["pull.prefetch": .int(10)])
        var database = FakeDatabase()
        fixture.arrive([(1, 10)])
        fixture.run(&database, fails)
        for id in 2...100 {
            fixture.arrive([(Int64(id), 10)])
            fixture.run(&database, fails)
        }
        #expect(database.waiting.count == 100)
        fixture.now += .seconds(1)
        var most = 0
        fixture.run(&database) { job in
            most = max(most, Int(job.update.id))
            return .effects(LaneFixture.effects(of: job))
        }
        #expect(most == 100)
        #expect(database.sessions[10] == (1...100).map { UInt8($0) })
    }

    @Test func aLostSettlementOfParkedUpdatesIsFoundOutByAsking() {
        for wasCommitted in [false, true] {
            var fixture = LaneFixture()
            var database = FakeDatabase()
            fixture.arrive([(1, 10), (2, 10)])
            fixture.claim()
            fixture.recall()
            let job = fixture.jobs()[0]
            fixture.lane.handled(job.id, .failed("no"), now: fixture.now)
            guard let settlement = fixture.settle() else { Issue.record("nothing to settle"); return }
            if wasCommitted { _ = database.commit(settlement, now: fixture.now) }
            fixture.term = 1
            fixture.lane.settlementFailed(.unavailable, now: fixture.now)
            fixture.run(&database)
            fixture.now += .seconds(1)
            fixture.run(&database)
            #expect(database.sessions[10] == [1, 2])
            #expect(database.waiting.isEmpty)
            #expect(fixture.acked == [1, 2])
        }
    }

    @Test func aReplayOfADeadUpdateKeepsItsRightWhileItWaits() {
        var fixture = LaneFixture()
        var database = FakeDatabase()
        database.inbox = [5: .dead]
        fixture.arrive([(1, 10)])
        fixture.run(&database, fails)
        fixture.arrive([(5, 10)], replay: 1)
        fixture.run(&database, fails)
        #expect(database.waiting.map(\.row.updateID) == [1, 5])
        fixture.restart()
        fixture.arrive([(9, 30)])
        fixture.now += .seconds(1)
        fixture.run(&database)
        #expect(database.sessions[10] == [1, 5])
        #expect(database.inbox[5] == .done)
    }

    @Test func aDrainLeavesWhatWaitsForTheNextOwner() {
        var fixture = LaneFixture()
        var database = FakeDatabase()
        fixture.arrive([(1, 10), (2, 10)])
        fixture.run(&database, fails)
        fixture.lane.isDraining = true
        fixture.now += .seconds(1)
        fixture.run(&database)
        #expect(fixture.lane.isDrained)
        #expect(database.waiting.count == 2)
    }
}
