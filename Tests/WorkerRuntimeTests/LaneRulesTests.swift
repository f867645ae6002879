import FleetModel
import Testing

@testable import Store
@testable import WorkerRuntime

/// What is handled first, what is not handled any more, and when a batch closes.
@Suite struct LaneRulesTests {
    private static func query(_ kind: String, _ id: Int64, user: Int64) -> [UInt8] {
        Array(#"{"update_id":\#(id),"\#(kind)":{"id":"q","from":{"id":\#(user)},"data":"x"}}"#.utf8)
    }

    // MARK: Priority

    @Test func paymentsStartBeforeOtherChatsAndNeverBeforeTheirOwn() {
        var fixture = LaneFixture()
        var database = FakeDatabase()
        let paid = #"{"update_id":6,"message":{"chat":{"id":40},"successful_payment":{"total_amount":1}}}"#
        fixture.arrive([(1, 10), (2, 20), (3, 30)])
        fixture.arrive(bodies: [
            Self.query("pre_checkout_query", 4, user: 30), Self.query("shipping_query", 5, user: 50),
            Array(paid.utf8),
        ])
        fixture.run(&database)
        #expect(fixture.started == [5, 6, 1, 2, 3, 4])
        #expect(fixture.lane.openPayments == 0)
    }

    // MARK: Expiry

    @Test(arguments: [
        ("callback_query", 61, true), ("callback_query", 59, false), ("pre_checkout_query", 11, true),
        ("pre_checkout_query", 9, false), ("shipping_query", 3600, false),
        // Wall clocks that jumped.
        ("callback_query", -5, false), ("callback_query", 86_400 * 365, false),
    ])
    func aQueryThatNobodyWaitsForSettlesWithoutWork(_ kind: String, _ seconds: Int, _ expires: Bool) {
        var fixture = LaneFixture()
        var database = FakeDatabase()
        fixture.arrive(bodies: [Self.query(kind, 1, user: 10)], age: .seconds(seconds))
        fixture.run(&database)
        #expect(database.inbox == [1: expires ? .expired : .done])
        #expect(fixture.started == (expires ? [] : [1]))
        #expect(fixture.lane.counters.expired == (expires ? 1 : 0))
        #expect(fixture.acked == [1])
    }

    @Test func withoutALimitOrAKnownAgeNothingExpires() {
        var fixture = LaneFixture(["expiry.callback_s": .int(0)])
        var database = FakeDatabase()
        fixture.arrive(bodies: [Self.query("callback_query", 1, user: 10)], age: .seconds(3600))
        fixture.arrive(bodies: [Self.query("pre_checkout_query", 2, user: 10)])
        fixture.run(&database)
        #expect(database.inbox == [1: .done, 2: .done])
    }

    @Test func aQueryGrowsOldWhileItWaitsInTheDatabase() {
        var fixture = LaneFixture()
        var database = FakeDatabase()
        fixture.arrive([(1, 10)])
        fixture.arrive(bodies: [Self.query("callback_query", 2, user: 10)], age: .seconds(1))
        fixture.run(&database) { _ in .failed("no") }
        #expect(database.waiting.map { $0.row.age == nil } == [true, false])
        fixture.restart()
        for index in database.waiting.indices { database.waiting[index].row.age? += .seconds(100) }
        fixture.arrive([(3, 20)])
        fixture.now += .seconds(1)
        fixture.run(&database)
        #expect(database.inbox == [1: .done, 2: .expired, 3: .done])
        #expect(database.waiting.isEmpty)
    }

    // MARK: Settlement

    @Test func aLoneUpdateSettlesAtOnceAndABusyLaneGathers() {
        var fixture = LaneFixture(["settle.delay_ms": .int(100)])
        fixture.arrive([(1, 10)])
        fixture.claim()
        fixture.recall()
        fixture.handleAll()
        #expect(fixture.lane.takeSettlement(now: fixture.now, moreComes: true) == nil)
        #expect(fixture.lane.takeSettlement(now: fixture.now)?.updateCount == 1)
        // While it is under way the next gathers.
        fixture.arrive((2...100).map { ($0, 10) })
        fixture.handleAll()
        #expect(fixture.settle() == nil)
        fixture.lane.settled(now: fixture.now)
        #expect(fixture.settle()?.updateCount == 99)
    }

    @Test func aBatchWaitsForAHandlerThatHasJustBegunButNotLongerThanItsDelay() {
        var fixture = LaneFixture(["settle.delay_ms": .int(100), "park.after_ms": .int(10_000)])
        fixture.arrive([(1, 10), (2, 20)])
        fixture.claim()
        fixture.recall()
        let jobs = fixture.jobs()
        fixture.lane.handled(jobs[0].id, .effects(LaneFixture.effects(of: jobs[0])), now: fixture.now)
        #expect(fixture.settle() == nil)
        #expect(fixture.lane.nextWake(now: fixture.now) == fixture.now + .milliseconds(100))
        fixture.now += .milliseconds(100)
        #expect(fixture.settle()?.updateCount == 1)
        fixture.lane.settled(now: fixture.now)
        // One that takes long is not waited for at all.
        fixture.arrive([(3, 30)])
        fixture.recall()
        let job = fixture.jobs()[0]
        fixture.lane.handled(job.id, .effects(LaneFixture.effects(of: job)), now: fixture.now)
        #expect(fixture.settle()?.updateCount == 1)
    }

    /// Over several chats, one of which waits in the database in part.
    @Test(arguments: [1, 100, 256])
    func theNeighboursOfAPoisonUpdateSettleOnceAndInOrder(_ poison: Int64) {
        var fixture = LaneFixture()
        var database = FakeDatabase()
        // Chat 3 fails once, so that its updates wait when their time comes.
        fixture.arrive((1...256).map { ($0, $0 % 7) })
        fixture.run(&database) { $0.update.conversation == 3 ? .failed("no") : nil }
        #expect(database.inbox.isEmpty && database.waiting.count == 37)
        database.poison = [poison]
        fixture.now += .milliseconds(900)
        for id in fixture.running.keys.sorted() { fixture.end(id) }
        fixture.run(&database)
        fixture.now += .seconds(10)
        fixture.run(&database)
        #expect(database.inbox.count == 256)
        #expect(database.inbox.filter { $0.value == .dead }.map(\.key) == [poison])
        #expect(database.dead.map(\.updateID) == [poison])
        for chat in 0..<Int64(7) {
            let expected = (1...256).filter { $0 % 7 == chat && $0 != poison }.map { UInt8(truncatingIfNeeded: $0) }
            #expect(database.sessions[chat] == expected)
        }
        #expect(fixture.acked == Set(1...256))
        #expect(database.waiting.isEmpty && fixture.lane.poisoned.isEmpty)
    }
}
