import BotKit
import FleetModel
import Store
import Testing

@testable import WorkerRuntime

@Suite struct LaneTests {
    @Test func nothingRunsBeforeTheTermWasRaised() {
        var fixture = LaneFixture()
        fixture.arrive([(1, 10)])
        #expect(fixture.handleAll().isEmpty)
        fixture.claim()
        fixture.recall()
        #expect(fixture.handleAll() == [1])
    }

    @Test func updatesOfAChatRunOneAfterAnotherAndSeeEachOthersSession() {
        var fixture = LaneFixture()
        fixture.arrive([(1, 10), (2, 10), (3, 20)])
        fixture.claim()
        fixture.recall()
        let first = fixture.jobs()
        #expect(first.map(\.update.id) == [1, 3])
        for job in first { fixture.lane.handled(job.id, .effects(LaneFixture.effects(of: job)), now: fixture.now) }
        let second = fixture.jobs()
        #expect(second.map(\.update.id) == [2])
        #expect(second.first?.session == [1])
    }

    @Test func aBatchSettlesOnceAndIsAckedOnlyThen() {
        var fixture = LaneFixture()
        fixture.arrive([(1, 10), (2, 10), (3, 20)])
        fixture.claim()
        fixture.recall()
        fixture.handleAll()
        let settlement = fixture.settle()
        #expect(settlement?.updateCount == 3)
        #expect(fixture.lane.takeAcks() == nil)
        #expect(fixture.settle() == nil)
        fixture.lane.settled(now: fixture.now)
        let acks = fixture.lane.takeAcks()
        #expect(acks?.upTo == 3)
        #expect(acks?.also == [])
        #expect(fixture.lane.takeAcks() == nil)
    }

    @Test func repliesGoOutOnlyAfterTheCommitAndAreMarkedInTheNext() {
        var fixture = LaneFixture()
        fixture.arrive([(1, 10), (2, 10)])
        fixture.claim()
        fixture.recall()
        fixture.handleAll()
        #expect(fixture.settle() != nil)
        #expect(fixture.lane.takeSends(now: fixture.now).isEmpty)
        fixture.lane.settled(now: fixture.now)
        let first = fixture.lane.takeSends(now: fixture.now)
        #expect(first.map(\.updateID) == [1])
        fixture.lane.sendEnded(first[0].seq, .sent, now: fixture.now)
        #expect(fixture.lane.takeSends(now: fixture.now).map(\.updateID) == [2])
        #expect(fixture.settle()?.isEmpty == false)
    }

    @Test func anOpenTwinIsAckedWithItsUpdateAndHasNoEffect() {
        var fixture = LaneFixture()
        fixture.arrive([(1, 10), (1, 10), (2, 10)])
        fixture.claim()
        fixture.recall()
        #expect(fixture.handleAll() == [1, 2])
        fixture.settleAll()
        #expect(fixture.lane.takeAcks()?.upTo == 3)
        #expect(fixture.lane.counters.duplicates == 1)
    }

    @Test func aRedeliveredUpdateThatTookEffectIsOnlyAcked() {
        var fixture = LaneFixture()
        fixture.arrive([(1, 10), (2, 10)], redelivered: true)
        fixture.claim()
        fixture.recall(inbox: [1: .done])
        #expect(fixture.handleAll() == [2])
        #expect(fixture.lane.takeAcks()?.upTo == 1)
    }

    @Test func duplicatesThatTheInboxRefusesAreRunAgainFromCommittedState() {
        var fixture = LaneFixture()
        fixture.arrive([(1, 10), (2, 10), (3, 20)])
        fixture.claim()
        fixture.recall()
        fixture.handleAll()
        _ = fixture.settle()
        fixture.lane.settlementFailed(.duplicates, now: fixture.now)
        #expect(fixture.lane.takeAcks() == nil)
        fixture.claim(term: 2)
        fixture.recall(inbox: [1: .done], sessions: [10: [1]])
        let jobs = fixture.jobs()
        #expect(Set(jobs.map(\.update.id)) == [2, 3])
        #expect(jobs.first { $0.update.id == 2 }?.session == [1])
    }

    @Test func afterAnUnknownOutcomeNothingIsTakenForGranted() {
        var fixture = LaneFixture()
        fixture.arrive([(1, 10), (2, 20)])
        fixture.claim()
        fixture.recall()
        fixture.handleAll()
        _ = fixture.settle()
        fixture.lane.settlementFailed(.unavailable, now: fixture.now)
        #expect(fixture.handleAll().isEmpty)
        let row = OutboxRow(seq: 1 << 32 | 1, updateID: 1, conversation: 10, method: "sendMessage", body: [])
        fixture.claim(term: 2, unsent: [row])
        fixture.recall(inbox: [1: .done, 2: .done])
        #expect(fixture.handleAll().isEmpty)
        #expect(fixture.lane.takeAcks()?.upTo == 2)
        #expect(fixture.lane.takeSends(now: fixture.now) == [row])
    }

    @Test func aHandlerThatTakesTooLongHasFailedAndItsLateResultIsDropped() {
        var fixture = LaneFixture(["handler.timeout_ms": .int(1000), "handler.attempts": .int(1)])
        fixture.arrive([(1, 10)])
        fixture.claim()
        fixture.recall()
        let job = fixture.jobs()[0]
        fixture.now += .seconds(2)
        #expect(fixture.lane.expire(now: fixture.now) == [job.id])
        fixture.lane.handled(job.id, .effects(LaneFixture.effects(of: job)), now: fixture.now)
        fixture.settleAll()
        #expect(fixture.lane.counters.deadLettered == 1)
        #expect(fixture.lane.sends.unsent == 0)
    }

    @Test func unreadableBodiesAreDeadLetteredWithTheRestOfTheBatch() {
        var fixture = LaneFixture()
        fixture.arrive(bodies: [Array("{".utf8), LaneFixture.body(1, chat: 10), []])
        fixture.claim()
        fixture.recall()
        fixture.handleAll()
        fixture.settleAll()
        #expect(fixture.lane.counters.deadLettered == 2)
        #expect(fixture.lane.takeAcks()?.upTo == 3)
    }

    @Test func aPoisonUpdateIsFoundByHalvingAndItsNeighboursSettle() {
        var fixture = LaneFixture()
        let poison: Int64 = 3
        fixture.arrive((1...5).map { (Int64($0), Int64($0)) })
        fixture.claim()
        fixture.recall()
        fixture.handleAll()
        var committed: [Int64: InboxOutcome] = [:]
        var term: Int64 = 1
        for _ in 0..<40 {
            guard fixture.settle() != nil else { break }
            let batch = fixture.lane.settling?.handled ?? []
            let effects = batch.filter { if case .effects = $0.outcome { true } else { false } }
            if effects.contains(where: { $0.conversation == poison }) {
                fixture.lane.settlementFailed(.poison("bad"), now: fixture.now)
                term += 1
                fixture.claim(term: term)
            } else {
                for handled in batch { committed[handled.conversation] = .done }
                fixture.lane.settled(now: fixture.now)
            }
            fixture.recall(inbox: committed)
            fixture.handleAll()
        }
        #expect(fixture.lane.counters.settled == 5)
        #expect(fixture.lane.counters.deadLettered == 1)
        #expect(fixture.lane.takeAcks()?.upTo == 5)
    }

    @Test func aReplayOfADeadUpdateTakesEffect() {
        var fixture = LaneFixture()
        fixture.arrive([(1, 10)], replay: 7)
        fixture.claim()
        fixture.recall(inbox: [1: .dead])
        #expect(fixture.handleAll() == [1])
        #expect(fixture.settle()?.updateCount == 1)
    }

    @Test func aReplayOfADoneUpdateHasNoEffect() {
        var fixture = LaneFixture()
        fixture.arrive([(1, 10)], replay: 7)
        fixture.claim()
        fixture.recall(inbox: [1: .done])
        #expect(fixture.handleAll().isEmpty)
        #expect(fixture.lane.takeAcks()?.upTo == 1)
    }

    @Test func tooManyUnsentRepliesStopTheHandlers() {
        var fixture = LaneFixture(["send.max_unsent": .int(1)])
        fixture.arrive([(1, 10)])
        fixture.claim()
        fixture.recall()
        fixture.handleAll()
        fixture.settleAll()
        fixture.arrive([(2, 20)])
        fixture.recall()
        #expect(fixture.handleAll().isEmpty)
        let rows = fixture.lane.takeSends(now: fixture.now)
        fixture.lane.sendEnded(rows[0].seq, .sent, now: fixture.now)
        #expect(fixture.handleAll() == [2])
    }

    @Test func drainingFinishesWhatRunsAndLeavesTheRest() {
        var fixture = LaneFixture()
        fixture.arrive([(1, 10), (2, 10)])
        fixture.claim()
        fixture.recall()
        let job = fixture.jobs()[0]
        fixture.lane.isDraining = true
        #expect(!fixture.lane.isDrained)
        fixture.lane.handled(job.id, .effects(LaneFixture.effects(of: job)), now: fixture.now)
        #expect(fixture.jobs().isEmpty)
        fixture.settleAll()
        #expect(fixture.lane.takeAcks()?.upTo == 1)
        let rows = fixture.lane.takeSends(now: fixture.now)
        fixture.lane.sendEnded(rows[0].seq, .sent, now: fixture.now)
        fixture.settleAll()
        #expect(fixture.lane.isDrained)
    }

    @Test func aLostChannelForgetsEverythingButSentMessages() {
        var fixture = LaneFixture()
        fixture.arrive([(1, 10)])
        fixture.claim()
        fixture.recall()
        fixture.handleAll()
        fixture.settleAll()
        let rows = fixture.lane.takeSends(now: fixture.now)
        fixture.lane.channelClosed(now: fixture.now)
        fixture.lane.sendEnded(rows[0].seq, .sent, now: fixture.now)
        let marks = fixture.lane.takeOrphanMarks()
        #expect(marks?.lane == 9)
        #expect(marks?.seqs == [rows[0].seq])
        fixture.nextTag = 1
        fixture.arrive([(2, 10)], redelivered: true)
        #expect(fixture.lane.ownership == .wanted)
    }

    @Test func aReplayBesideAnOpenCopyTakesEffectOnce() {
        var fixture = LaneFixture()
        fixture.arrive([(1, 10)], redelivered: true)
        fixture.arrive([(1, 10)], replay: 7)
        fixture.arrive([(1, 10)], replay: 7)
        fixture.claim()
        fixture.recall(inbox: [1: .dead])
        #expect(fixture.handleAll() == [1])
        #expect(fixture.settle()?.updateCount == 1)
        fixture.lane.settled(now: fixture.now)
        #expect(fixture.lane.takeAcks()?.upTo == 3)
    }
}
