import FleetControl
import FleetModel
import Testing

@testable import Coordinator

@Suite struct HangWatchTests {
    private let start = ContinuousClock.now

    private func presence(
        _ name: String, pid: Int32 = 7, silence: Int, state: WorkerState = .running, isDead: Bool = false
    ) -> Roster.Presence {
        Roster.Presence(
            heartbeat: Heartbeat(
                worker: WorkerIdentity(name: name), bots: [], host: "h", pid: pid, state: state, startedAt: .now,
                sentAt: .now, generation: 0, generationHash: "", residentBytes: 0, counters: Heartbeat.Counters()),
            silence: .seconds(silence), isDead: isDead)
    }

    private func process(_ name: String, pid: Int32? = 7, isWanted: Bool = true) -> ProcessStatus {
        ProcessStatus(name: name, pid: pid, isWanted: isWanted, restarts: 0)
    }

    /// Looks every second with a broker that carries, so that from then on silence is the worker's own.
    private func hearing(_ seconds: Int = 8) -> HangWatch {
        var watch = HangWatch()
        for second in 0..<seconds {
            _ = watch.look([], [], brokerCarries: true, now: start + .seconds(second))
        }
        return watch
    }

    private func killed(
        _ watch: HangWatch, _ worker: Roster.Presence, _ process: ProcessStatus, second: Int = 8, carries: Bool = true
    ) -> [String] {
        var watch = watch
        return watch.look([worker], [process], brokerCarries: carries, now: start + .seconds(second)).map(\.name)
    }

    @Test func threeHeartbeatsAndASecond() {
        #expect(killed(hearing(), presence("a", silence: 7), process("a")) == ["a"])
        #expect(killed(hearing(), presence("a", silence: 6), process("a")) == [])
    }

    @Test func onlyAProcessOfOursThatShouldRun() {
        #expect(killed(hearing(), presence("a", silence: 9), process("b")) == [])
        #expect(killed(hearing(), presence("a", pid: 6, silence: 9), process("a")) == [], "an earlier life of the name")
        #expect(killed(hearing(), presence("a", silence: 9, isDead: true), process("a")) == [])
        #expect(killed(hearing(), presence("a", silence: 9), process("a", isWanted: false)) == [])
        #expect(killed(hearing(), presence("a", silence: 9), process("a", pid: nil)) == [])
        // It has its deadline already.
        #expect(killed(hearing(), presence("a", silence: 9, state: .draining), process("a")) == [])
    }

    @Test func notWhileTheBrokerIsAwayOrJustBack() {
        let silent = presence("a", silence: 60)
        #expect(killed(hearing(), silent, process("a"), carries: false) == [])
        var watch = hearing()
        _ = watch.look([silent], [process("a")], brokerCarries: false, now: start + .seconds(8))
        // A worker that was left alone for so long may not have its connection back.
        for second in 9..<29 {
            let hung = watch.look([silent], [process("a")], brokerCarries: true, now: start + .seconds(second))
            #expect(hung.isEmpty, "second \(second)")
        }
        #expect(killed(watch, silent, process("a"), second: 29) == ["a"])
    }

    /// A coordinator that stood still has not read the heartbeats that came meanwhile.
    @Test func notWhenTheCoordinatorItselfWasHeldUp() {
        #expect(killed(hearing(), presence("a", silence: 60), process("a"), second: 60) == [])
        #expect(killed(hearing(3), presence("a", silence: 60), process("a"), second: 3) == [], "it has only begun")
    }
}
