import FleetControl
import FleetModel
import Testing

@Suite struct RosterTests {
    let start = ContinuousClock.now

    private func at(_ seconds: Double) -> ContinuousClock.Instant { start + .seconds(seconds) }

    private func heartbeat(
        _ worker: WorkerIdentity,
        pid: Int32 = 10,
        state: WorkerState = .running,
        started: Int64 = 1000,
        generation: Int64 = 0,
        hash: String = "",
        bots: [String] = ["shop"]
    ) -> Heartbeat {
        Heartbeat(
            worker: worker,
            bots: bots.compactMap { BotID($0) },
            host: "h",
            pid: pid,
            state: state,
            startedAt: Timestamp(milliseconds: started),
            sentAt: Timestamp(milliseconds: started),
            generation: generation,
            generationHash: hash,
            residentBytes: 1,
            counters: Heartbeat.Counters()
        )
    }

    @Test func liveThenLateThenForgotten() {
        var roster = Roster()
        let worker = WorkerIdentity(name: "shop-1")
        #expect(roster.heard(heartbeat(worker), now: at(0)) == [.joined(worker)])
        #expect(roster.heard(heartbeat(worker), now: at(2)) == [])
        #expect(roster.views(now: at(3)).map(\.health) == [.live])
        #expect(roster.isHeardOf(worker.incarnation, now: at(3)))
        #expect(roster.views(now: at(10)).map(\.health) == [.late])
        #expect(!roster.isHeardOf(worker.incarnation, now: at(10)))
        #expect(roster.expire(now: at(60)) == [])
        #expect(roster.expire(now: at(63)) == [worker])
        #expect(roster.count == 0)
    }

    @Test func goodbyeLeavesAtOnce() {
        var roster = Roster()
        let worker = WorkerIdentity(name: "shop-1")
        _ = roster.heard(heartbeat(worker), now: at(0))
        #expect(roster.heard(heartbeat(worker, state: .stopped), now: at(1)) == [.left(worker)])
        #expect(roster.heard(heartbeat(worker, state: .stopped), now: at(1)) == [])
        #expect(roster.views(now: at(1)).isEmpty)
    }

    @Test func aNewLifeOfANameSupersedesTheOld() {
        var roster = Roster()
        let old = WorkerIdentity(name: "shop-1")
        let new = WorkerIdentity(name: "shop-1")
        _ = roster.heard(heartbeat(old, started: 1000), now: at(0))
        #expect(roster.heard(heartbeat(new, started: 2000), now: at(1)) == [.joined(new), .superseded(old)])
        #expect(roster.expected { _ in true }.map(\.worker) == [new])
        #expect(roster.views(now: at(1)).map(\.heartbeat.worker) == [new], "who is replaced is not shown")
        // It was only stopped, and goes on: two of a name are worth seeing.
        _ = roster.heard(heartbeat(old, started: 1000), now: at(2))
        #expect(Set(roster.views(now: at(2)).map(\.heartbeat.worker)) == [old, new])
        _ = roster.heard(heartbeat(new, started: 2000), now: at(10))
        #expect(roster.views(now: at(10)).map(\.heartbeat.worker) == [new])
    }

    @Test func theDeadAreShownUntilTheyAreReplaced() {
        var roster = Roster()
        let old = WorkerIdentity(name: "shop-1")
        let new = WorkerIdentity(name: "shop-1")
        _ = roster.heard(heartbeat(old, pid: 10), now: at(0))
        _ = roster.exited(name: "shop-1", pid: 10)
        #expect(roster.views(now: at(1)).map(\.health) == [.dead])
        _ = roster.heard(heartbeat(new, pid: 11, started: 2000), now: at(2))
        #expect(roster.views(now: at(2)).map(\.heartbeat.worker) == [new])
    }

    @Test func heartbeatsOfTwoLivesMayCross() {
        var roster = Roster()
        let old = WorkerIdentity(name: "shop-1")
        let new = WorkerIdentity(name: "shop-1")
        _ = roster.heard(heartbeat(new, started: 2000), now: at(0))
        #expect(roster.heard(heartbeat(old, started: 1000), now: at(1)) == [.joined(old)])
        #expect(roster.isHeardOf(new.incarnation, now: at(1)))
    }

    @Test func anEndedProcessStaysDeadThoughAHeartbeatWasOnItsWay() {
        var roster = Roster()
        let worker = WorkerIdentity(name: "shop-1")
        _ = roster.heard(heartbeat(worker, pid: 10), now: at(0))
        #expect(roster.exited(name: "shop-1", pid: 11) == nil)
        #expect(roster.exited(name: "shop-1", pid: 10) == worker)
        #expect(roster.exited(name: "shop-1", pid: 10) == nil)
        #expect(roster.heard(heartbeat(worker), now: at(0.1)) == [])
        #expect(roster.views(now: at(0.2)).map(\.health) == [.dead])
        #expect(roster.expected { _ in true }.isEmpty)
    }

    @Test func thoseBehindAreRemindedNowAndThen() {
        var roster = Roster()
        let worker = WorkerIdentity(name: "shop-1")
        _ = roster.heard(heartbeat(worker), now: at(0))
        roster.setGeneration(2, hash: "h2", now: at(0))
        #expect(roster.heard(heartbeat(worker), now: at(0.5)) == [], "within the grace of a fresh generation")
        #expect(roster.heard(heartbeat(worker), now: at(2)) == [.behind(worker)])
        #expect(roster.heard(heartbeat(worker, generation: 1, hash: "h1"), now: at(3)) == [])
        #expect(roster.heard(heartbeat(worker, generation: 1, hash: "h1"), now: at(4)) == [.behind(worker)])
        #expect(roster.heard(heartbeat(worker, generation: 2, hash: "other"), now: at(7)) == [.behind(worker)])
        #expect(roster.heard(heartbeat(worker, generation: 2, hash: "h2"), now: at(10)) == [])
        #expect(roster.heard(heartbeat(worker, generation: 3, hash: "h3"), now: at(13)) == [], "knows more than we")
    }

    @Test func expectedAreThoseWithACoveredBot() {
        var roster = Roster()
        let both = WorkerIdentity(name: "both")
        let other = WorkerIdentity(name: "other")
        _ = roster.heard(heartbeat(both, bots: ["shop", "help"]), now: at(0))
        _ = roster.heard(heartbeat(other, bots: ["other"]), now: at(0))
        let expected = roster.expected { $0.rawValue == "help" }
        #expect(expected.map(\.worker) == [both])
        #expect(expected.first?.bots.map(\.rawValue) == ["help"])
    }

    @Test func memoryIsBounded() {
        var limits = Roster.Limits()
        limits.workers = 2
        var roster = Roster(limits: limits)
        for name in ["a", "b"] { _ = roster.heard(heartbeat(WorkerIdentity(name: name)), now: at(0)) }
        let third = WorkerIdentity(name: "c")
        #expect(roster.heard(heartbeat(third), now: at(0)) == [.refused(third)])
        #expect(roster.count == 2)
    }

    @Test func changesAreTakenOnce() {
        var roster = Roster()
        let worker = WorkerIdentity(name: "shop-1")
        _ = roster.heard(heartbeat(worker), now: at(0))
        #expect(roster.takeChanges().count == 1)
        #expect(roster.takeChanges().isEmpty)
        _ = roster.exited(name: "shop-1", pid: 10)
        #expect(roster.takeChanges().map(\.isDead) == [true])
    }
}
