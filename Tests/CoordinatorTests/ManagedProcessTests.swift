import Testing

@testable import Coordinator

@Suite struct ManagedProcessTests {
    let start = ContinuousClock.now
    private func at(_ seconds: Double) -> ContinuousClock.Instant { start + .seconds(seconds) }

    private func running() -> ManagedProcess {
        var process = ManagedProcess(stopDeadline: .seconds(5))
        _ = process.want(true, now: start)
        _ = process.started(pid: 10, now: start)
        return process
    }

    @Test func startsWhenWanted() {
        var process = ManagedProcess(stopDeadline: .seconds(5))
        #expect(process.isFinished)
        #expect(process.want(true, now: start) == [.spawn])
        #expect(process.want(true, now: start) == [], "it is being spawned already")
        #expect(process.started(pid: 10, now: start) == [])
        #expect(process.pid == 10)
        #expect(process.restarts == 0)
        #expect(process.want(true, now: start) == [])
    }

    @Test func theFirstEndIsAnsweredAtOnceLaterOnesWithBackoff() {
        var process = running()
        #expect(process.exited(now: at(1)) == [.spawn])
        _ = process.started(pid: 11, now: at(1))
        #expect(process.restarts == 1)
        // The first delay has no room for jitter: it is the floor.
        #expect(process.exited(now: at(2)) == [.wake(at: at(2) + .milliseconds(50))])
        #expect(process.timer(now: at(2)) == [], "too early")
        #expect(process.timer(now: at(2) + .milliseconds(50)) == [.spawn])
        #expect(process.timer(now: at(3)) == [], "a stale wake-up")
        _ = process.started(pid: 12, now: at(3))
        guard case .wake(let next)? = process.exited(now: at(4)).first else {
            Issue.record("no wake-up")
            return
        }
        #expect((at(4) + .milliseconds(50)...at(4) + .milliseconds(100)).contains(next))
        #expect(process.restarts == 2)
    }

    @Test func aStableMinuteForgivesAllFailures() {
        var process = running()
        for second in 1...5 {
            _ = process.exited(now: at(Double(second)))
            _ = process.timer(now: at(Double(second) + 0.99))
            _ = process.started(pid: Int32(second), now: at(Double(second) + 0.99))
        }
        #expect(process.exited(now: at(200)) == [.spawn])
    }

    @Test func stopsWithTermThenKill() {
        var process = running()
        #expect(process.want(false, now: at(1)) == [.terminate(pid: 10), .wake(at: at(6))])
        #expect(process.want(false, now: at(2)) == [], "asked already")
        #expect(process.timer(now: at(5)) == [])
        #expect(process.timer(now: at(6)) == [.kill(pid: 10)])
        #expect(process.timer(now: at(7)) == [], "killed once")
        #expect(process.exited(now: at(7)) == [])
        #expect(process.isFinished)
    }

    @Test func wantedAgainWhileStopping() {
        var process = running()
        _ = process.want(false, now: at(1))
        #expect(process.want(true, now: at(2)) == [])
        #expect(process.exited(now: at(3)) == [.spawn])
    }

    @Test func restartStopsFirst() {
        var process = running()
        #expect(process.restart(now: at(1)) == [.terminate(pid: 10), .wake(at: at(6))])
        #expect(process.exited(now: at(2)) == [.spawn])
        _ = process.started(pid: 11, now: at(2))
        #expect(process.timer(now: at(6)) == [], "the old deadline is not the new process's")
    }

    @Test func aFailedStartIsTriedAgain() {
        var process = ManagedProcess(stopDeadline: .seconds(5))
        _ = process.want(true, now: start)
        #expect(process.failedToStart(now: start) == [.wake(at: start + .milliseconds(50))])
        #expect(process.want(false, now: at(0)) == [])
        #expect(process.isFinished)
        #expect(process.timer(now: at(1)) == [], "no longer wanted")
    }
}
