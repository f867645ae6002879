import FleetModel
import Testing

@testable import Coordinator

@Suite struct ReplayRunTests {
    let start = ContinuousClock.now
    let shop = FakeFleet.known("shop")
    let bar = FakeFleet.known("bar")

    private func at(_ seconds: Double) -> ContinuousClock.Instant { start + .seconds(seconds) }

    private func run(rate: Int = 10) -> ReplayRun {
        ReplayRun(
            ReplayView(number: 1, author: "operator", total: 5, startedAt: Timestamp(milliseconds: 0)), rate: rate,
            now: start)
    }

    @Test func theRateIsAnUpperBoundAndIdleTimeIsNotMadeUpFor() {
        var run = run(rate: 10)
        #expect(run.turn(now: at(0)) == at(0))
        #expect(run.turn(now: at(0)) == at(0) + .milliseconds(100))
        #expect(run.turn(now: at(0.15)) == at(0) + .milliseconds(200))
        #expect(run.turn(now: at(5)) == at(5))
        #expect(run.turn(now: at(5)) == at(5) + .milliseconds(100))
    }

    @Test func whatWasPutBackIsMarkedAboutOnceASecond() {
        var run = run(rate: 2)
        #expect(run.tried(1, of: shop, .confirmed, now: at(0)) == .nextLetter)
        #expect(!run.isTimeToMark)
        #expect(run.tried(2, of: shop, .confirmed, now: at(0)) == .nextLetter)
        #expect(run.isTimeToMark)
        #expect(run.takeUnmarked() == [1, 2])
        #expect(run.takeUnmarked() == [] && !run.isTimeToMark)
        #expect(run.view.replayed == 2)
    }

    @Test func aBotWithoutAQueueLosesItsTurnAndNoOtherDoes() {
        var run = run()
        #expect(run.accepts(shop))
        #expect(run.tried(1, of: shop, .noQueue, now: at(0)) == .nextLetter)
        #expect(!run.accepts(shop), "a later update must not overtake")
        run.skip(2, of: shop)
        #expect(run.accepts(bar))
        #expect(run.tried(3, of: bar, .confirmed, now: at(0)) == .nextLetter)
        #expect(run.view.failed == 2 && run.view.replayed == 1)
        #expect(run.view.failures.map(\.number) == [1, 2])
        #expect(run.view.failures.first?.reason.contains("start the bot first") == true)
    }

    @Test func aFullQueueIsWaitedForAWhile() {
        var run = run()
        #expect(run.tried(1, of: shop, .full, now: at(0)) == .again)
        #expect(run.tried(1, of: shop, .full, now: at(59)) == .again)
        #expect(run.tried(1, of: shop, .confirmed, now: at(59.5)) == .nextLetter)
        #expect(run.tried(2, of: shop, .full, now: at(70)) == .again, "its own time")
        #expect(run.tried(2, of: shop, .full, now: at(130)) == .nextLetter)
        #expect(!run.accepts(shop))
        run.skip(3, of: shop)
        #expect(run.view.failed == 2)
    }

    @Test func aBrokerThatStaysAwayEndsItAtALetter() {
        var run = run()
        #expect(run.tried(4, of: shop, .away("gone"), now: at(0)) == .again)
        guard case .fail(let reason) = run.tried(4, of: shop, .away("gone"), now: at(60)) else {
            Issue.record("it goes on")
            return
        }
        #expect(reason.contains("letter 4") && reason.contains("gone"))
        #expect(run.view.failed == 0, "the letter is as it was")
    }

    @Test func aLetterThatIsGoneIsNoFailure() {
        var run = run()
        #expect(run.tried(1, of: shop, .gone, now: at(0)) == .nextLetter)
        #expect(run.view.total == 4 && run.view.failed == 0 && run.view.replayed == 0)
    }

    @Test func reasonsAreBounded() {
        var run = run()
        _ = run.tried(1, of: shop, .noQueue, now: at(0))
        for letter in Int64(2)...100 { run.skip(letter, of: shop) }
        #expect(run.view.failed == 100)
        #expect(run.view.failures.count == ReplayRun.failuresKept)
    }
}
