import FleetControl
import FleetModel
import Testing

@testable import Coordinator

@Suite struct LaneCrewTests {
    private let shop = FakeFleet.known("shop")
    private let start = ContinuousClock.now

    private func presence(
        _ name: String, silence: Duration = .zero, state: WorkerState = .running, isDead: Bool = false
    ) -> Roster.Presence {
        Roster.Presence(
            heartbeat: Heartbeat(
                worker: WorkerIdentity(name: name), bots: [shop], host: "h", pid: 1, state: state, startedAt: .now,
                sentAt: .now, generation: 0, generationHash: "", residentBytes: 0, counters: Heartbeat.Counters()),
            silence: silence, isDead: isDead)
    }

    private func process(_ name: String, isWanted: Bool = true) -> ProcessStatus {
        ProcessStatus(name: name, pid: 1, isWanted: isWanted, restarts: 0)
    }

    private func at(_ seconds: Int) -> ContinuousClock.Instant { start + .seconds(seconds) }

    @Test func thoseAtWorkMayOwnLanes() {
        var crew = LaneCrew()
        crew.observe(
            [
                presence("a"), presence("b", silence: .seconds(9)), presence("c", silence: .seconds(10)),
                presence("d", state: .starting), presence("e", state: .draining), presence("f", isDead: true),
            ], [], now: start)
        #expect(crew.workers(of: shop, now: start) == ["a", "b"])
        #expect(crew.sharedBots(now: start) == [shop])
        #expect(crew.workers(of: FakeFleet.known("other"), now: start).isEmpty)
    }

    /// Killed, drained or silent: its place is kept for ten seconds after it was last heard of at work.
    @Test func aQuickRestartMovesNothing() {
        for after in [
            [], [presence("a", isDead: true)], [presence("a", state: .draining)], [presence("a", state: .starting)],
        ] {
            var crew = LaneCrew()
            crew.observe([presence("a")], [], now: start)
            crew.observe(after, [], now: at(9))
            #expect(crew.workers(of: shop, now: at(9)) == ["a"])
            crew.observe(after, [], now: at(10))
            #expect(crew.workers(of: shop, now: at(10)).isEmpty)
            crew.observe([presence("a")], [], now: at(11))
            #expect(crew.workers(of: shop, now: at(11)) == ["a"])
        }
    }

    @Test func aProcessThatJustBeganCountsUntilItsGraceIsOver() {
        var crew = LaneCrew()
        for second in [0, 3, 6, 9] {
            // It crashes again and again, and never comes to work.
            crew.observe([], [process("shop-1"), process("fleet.gateway-1")], now: at(second))
            #expect(crew.workers(of: shop, now: at(second)) == ["shop-1"])
        }
        for second in [12, 15, 60] {
            crew.observe([], [process("shop-1")], now: at(second))
            #expect(crew.workers(of: shop, now: at(second)).isEmpty)
        }
        crew.observe([presence("shop-1")], [process("shop-1")], now: at(61))
        #expect(crew.workers(of: shop, now: at(61)) == ["shop-1"])
    }

    @Test func whoIsNoLongerWantedIsOutAtOnce() {
        var crew = LaneCrew()
        let both = [presence("shop-1"), presence("shop-2")]
        crew.observe(both, [process("shop-1"), process("shop-2")], now: start)
        #expect(crew.workers(of: shop, now: start) == ["shop-1", "shop-2"])
        crew.observe(both, [process("shop-1"), process("shop-2", isWanted: false)], now: at(1))
        #expect(crew.workers(of: shop, now: at(1)) == ["shop-1"])
    }

    @Test func ownersChosenByAnEarlierCoordinatorGetTheGrace() {
        var crew = LaneCrew()
        crew.observe([presence("a")], [], now: start)
        crew.credit(["a", "b"], of: shop, now: start)
        #expect(crew.workers(of: shop, now: at(9)) == ["a", "b"])
        crew.observe([presence("a")], [], now: at(10))
        #expect(crew.workers(of: shop, now: at(10)) == ["a"])
    }
}
