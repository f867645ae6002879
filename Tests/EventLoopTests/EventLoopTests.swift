import EventLoop
import Testing

@Suite struct EventLoopTests {
    private actor OnLoop {
        nonisolated let loop: EventLoop
        nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
        init(_ loop: EventLoop) { self.loop = loop }

        func isOnLoop() -> Bool { loop.isOnLoop }

        func order(of delays: [Int]) async -> [Int] {
            await withCheckedContinuation { continuation in
                var fired: [Int] = []
                for delay in delays {
                    loop.schedule(after: .milliseconds(delay)) {
                        fired.append(delay)
                        if fired.count == delays.count { continuation.resume(returning: fired) }
                    }
                }
            }
        }

        func cancelledTimerFires() async -> Bool {
            await withCheckedContinuation { continuation in
                var fired = false
                let timer = loop.schedule(after: .milliseconds(1)) { fired = true }
                loop.cancel(timer)
                loop.schedule(after: .milliseconds(5)) { continuation.resume(returning: fired) }
            }
        }
    }

    @Test func anActorOfTheLoopRunsOnItsThread() async throws {
        let loop = try EventLoop(name: "test")
        defer { loop.shutdown() }
        let actor = OnLoop(loop)
        #expect(await actor.isOnLoop())
        #expect(!loop.isOnLoop)
    }

    @Test func timersFireInOrderOfTheirDeadlines() async throws {
        let loop = try EventLoop(name: "test")
        defer { loop.shutdown() }
        #expect(await OnLoop(loop).order(of: [9, 1, 5]) == [1, 5, 9])
    }

    @Test func aCancelledTimerNeverFires() async throws {
        let loop = try EventLoop(name: "test")
        defer { loop.shutdown() }
        #expect(await OnLoop(loop).cancelledTimerFires() == false)
    }

    @Test func aBodyRunsOnTheLoopAndIsRefusedAfterTheEnd() async throws {
        let loop = try EventLoop(name: "test")
        let ran = await withCheckedContinuation { continuation in
            #expect(loop.execute { continuation.resume(returning: loop.isOnLoop) })
        }
        #expect(ran)
        loop.shutdown()
        #expect(!loop.execute { Issue.record("ran after the end") })
    }

    @Test func backoffStaysWithinFloorAndCap() {
        var backoff = Backoff(floor: .milliseconds(100), cap: .seconds(2))
        for _ in 0..<50 {
            let delay = backoff.next()
            #expect(delay >= .milliseconds(100) && delay <= .seconds(2))
        }
    }
}
