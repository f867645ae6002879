import FleetModel
import Store
import Testing

@testable import WorkerRuntime

/// Who is suspected of having killed a worker, and what it takes to be found guilty.
@Suite struct CrashTests {
    /// A lane whose predecessor has died without a word.
    private func takenOver(_ values: [String: ConfigValue] = [:]) -> LaneFixture {
        var fixture = LaneFixture(values)
        fixture.predecessor = .dead
        return fixture
    }

    @Test func whatIsDeliveredAgainAfterACrashRunsByItself() {
        var fixture = takenOver()
        var database = FakeDatabase()
        var suspects: [Int64] = []
        fixture.arrive([(1, 10), (2, 20)], redelivered: true)
        fixture.arrive([(3, 30)])
        fixture.run(&database) {
            if $0.isSuspect { suspects.append($0.update.id) }
            return .effects(LaneFixture.effects(of: $0))
        }
        #expect(suspects.sorted() == [1, 2])
        #expect(database.inbox.count == 3)
    }

    @Test func afterAnOrderlyEndNobodyIsSuspected() {
        var fixture = LaneFixture()
        var database = FakeDatabase()
        fixture.arrive([(1, 10)], redelivered: true)
        fixture.run(&database) {
            #expect(!$0.isSuspect)
            return .effects(LaneFixture.effects(of: $0))
        }
        #expect(database.inbox == [1: .done])
    }

    @Test func theGuiltyOneIsDeadLetteredAtItsThirdCrashAndItsNeighboursSettleInOrder() {
        var fixture = takenOver()
        var database = FakeDatabase()
        let guilty: (HandlerJob) -> HandlerResult? = {
            $0.update.id == 2 ? .crashed("trap") : .effects(LaneFixture.effects(of: $0))
        }
        fixture.arrive([(1, 10), (2, 10), (3, 10), (4, 20)], redelivered: true)
        fixture.run(&database, guilty)
        #expect(database.waiting.map(\.row.updateID) == [2, 3])
        #expect(database.waiting[0].row.flags == .suspect)
        // Whoever owns the lane next knows too.
        fixture.restart()
        fixture.arrive([(5, 20)])
        for _ in 0..<4 {
            fixture.now += .seconds(10)
            fixture.run(&database, guilty)
        }
        #expect(fixture.started.filter { $0 == 2 }.count == 1)
        #expect(database.dead.map(\.updateID) == [2])
        #expect(database.dead.map(\.kind) == [.crash])
        #expect(database.dead.map(\.attempts) == [3])
        #expect(database.sessions[10] == [1, 3])
        #expect(database.inbox.count == 5)
    }

    @Test func whatOnlyHappenedToBeThereIsNeverGuilty() {
        var database = FakeDatabase()
        for _ in 0..<5 {
            // Killed from outside each time, in the middle of everything.
            var fixture = takenOver()
            fixture.arrive((1...50).map { ($0, $0 % 5) }, redelivered: true)
            fixture.run(&database) { _ in nil }
            #expect(database.inbox.isEmpty)
        }
        var fixture = takenOver()
        fixture.arrive((1...50).map { ($0, $0 % 5) }, redelivered: true)
        fixture.run(&database)
        #expect(database.inbox.count == 50 && database.dead.isEmpty)
    }

    @Test func aRowThatWaitedDuringTheCrashIsSuspectToo() {
        var fixture = LaneFixture(["park.after_ms": .int(100)])
        var database = FakeDatabase()
        fixture.arrive([(1, 10)])
        fixture.run(&database) { _ in nil }
        fixture.now += .seconds(1)
        fixture.run(&database) { _ in nil }
        #expect(database.waiting.map(\.row.flags) == [[]])
        fixture.restart()
        fixture.predecessor = .dead
        fixture.arrive([(2, 20)])
        var suspects: [Int64] = []
        fixture.run(&database) {
            if $0.isSuspect { suspects.append($0.update.id) }
            return .effects(LaneFixture.effects(of: $0))
        }
        #expect(suspects == [1])
        #expect(database.inbox.count == 2)
    }

    @Test func aTrialThatCannotBeHeldCountsNoAttempt() {
        var fixture = takenOver()
        var database = FakeDatabase()
        fixture.arrive([(1, 10)], redelivered: true)
        for _ in 0..<10 {
            fixture.run(&database) { _ in .postponed("no memory") }
            fixture.now += .seconds(10)
        }
        #expect(database.waiting.map(\.row.attempts) == [0])
        fixture.run(&database)
        #expect(database.inbox == [1: .done])
    }
}
