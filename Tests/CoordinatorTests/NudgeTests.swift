import Testing

@testable import Coordinator

@Suite(.timeLimit(.minutes(1))) struct NudgeTests {
    /// The time limit fails it when a nudge is lost.
    @Test func aNudgeThatCameBeforeIsNotLost() async {
        let nudge = Nudge()
        nudge.give()
        nudge.give()
        await nudge.wait(atMost: .seconds(3600))
        nudge.give()
        await nudge.wait(atMost: .seconds(3600))
    }

    @Test func itWakesWhoWaits() async {
        let nudge = Nudge()
        async let waiting: Void = nudge.wait(atMost: .seconds(3600))
        nudge.give()
        await waiting
    }

    @Test func theLimitAndCancellationEndTheWait() async {
        let nudge = Nudge()
        await nudge.wait(atMost: .milliseconds(1))
        let task = Task { await nudge.wait(atMost: .seconds(3600)) }
        task.cancel()
        await task.value
    }
}
