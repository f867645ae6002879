import BotKit
import FleetModel
import Store
import Testing

@testable import WorkerRuntime

/// When a lane's owner may send, and that it never sends again what is known to be sent.
@Suite struct LaneSendingTests {
    /// What the database holds as unsent is read at some moment during a claim; an answer of Telegram that comes at any
    /// other moment must not lead to a second copy.
    @Test(arguments: [false, true])
    func anAnswerThatComesDuringAClaimIsNotForgotten(_ succeeded: Bool) {
        var fixture = LaneFixture()
        fixture.arrive([(1, 10), (2, 20)])
        fixture.claim()
        fixture.recall()
        fixture.handleAll()
        fixture.settleAll()
        let rows = fixture.lane.takeSends(now: fixture.now)
        #expect(rows.count == 2)
        fixture.arrive([(3, 30)])
        fixture.recall()
        fixture.handleAll()
        _ = fixture.settle()
        fixture.lane.settlementFailed(.unavailable, now: fixture.now)
        // Read by the claim while both were on their way.
        let unsent = rows
        let wanted = fixture.lane.takeClaim()
        #expect(wanted)
        fixture.lane.sendEnded(rows[0].seq, succeeded ? .sent : .failed, now: fixture.now)
        let orphans = fixture.lane.takeOrphanMarks()
        #expect(orphans == nil)
        let claim = LaneClaim(
            id: 9, key: LaneKey(bot: LaneFixture.bot), term: 2, previousOwner: nil, claimedAt: .now)
        fixture.lane.claimed(
            claim, unsent: unsent, predecessor: .none, asOf: fixture.now, now: fixture.now)
        fixture.lane.sendEnded(rows[1].seq, .sent, now: fixture.now)
        let again = fixture.lane.sends.take(now: fixture.now + .seconds(60))
        #expect(again.map(\.seq) == (succeeded ? [] : [rows[0].seq]))
        #expect(fixture.lane.sends.unsent == (succeeded ? 0 : 1))
    }

    @Test func noClaimIsMadeWhileSentMessagesAreBeingMarked() {
        var fixture = LaneFixture()
        fixture.arrive([(1, 10)])
        fixture.claim()
        fixture.recall()
        fixture.handleAll()
        fixture.settleAll()
        let rows = fixture.lane.takeSends(now: fixture.now)
        fixture.lane.channelClosed(now: fixture.now)
        fixture.lane.sendEnded(rows[0].seq, .sent, now: fixture.now)
        let orphans = fixture.lane.takeOrphanMarks()
        #expect(orphans?.seqs == [rows[0].seq])
        fixture.nextTag = 1
        fixture.arrive([(2, 10)])
        let early = fixture.lane.takeClaim()
        fixture.lane.marked(failed: [], now: fixture.now)
        let late = fixture.lane.takeClaim()
        #expect([early, late] == [false, true])
    }

    @Test func nothingIsSentOnceTheLeaseIsOverUntilTheDatabaseSaysSo() {
        var fixture = LaneFixture()
        fixture.arrive([(1, 10)])
        fixture.claim()
        fixture.recall()
        fixture.handleAll()
        fixture.settleAll()
        // The process was stopped for an hour; its lane may be somebody else's.
        fixture.now += .seconds(3600)
        #expect(fixture.lane.takeSends(now: fixture.now).isEmpty)
        let asks = fixture.lane.takeRenewal(now: fixture.now)
        #expect(asks)
        fixture.lane.renewed(asOf: fixture.now)
        #expect(fixture.lane.takeSends(now: fixture.now).count == 1)
    }

    @Test func aRefusalIsRecordedEvenIfItsFirstSettlementFails() {
        var fixture = LaneFixture()
        fixture.arrive([(1, 10)])
        fixture.claim()
        fixture.recall()
        fixture.handleAll()
        fixture.settleAll()
        let row = fixture.lane.takeSends(now: fixture.now)[0]
        fixture.lane.sendEnded(row.seq, .refused("blocked"), now: fixture.now)
        _ = fixture.settle()
        fixture.lane.settlementFailed(.unavailable, now: fixture.now)
        fixture.claim(term: 2)
        _ = fixture.settle()
        #expect(fixture.lane.settling?.report.events.map(\.kind) == ["send_refused"])
        #expect(fixture.lane.settling?.sent == [row.seq])
    }

    @Test func aMomentThatHasPassedWakesNobody() {
        var fixture = LaneFixture(["send.concurrency": .int(1), "flood.limits": .bool(false)])
        fixture.arrive([(1, 10), (2, 20)])
        fixture.claim()
        fixture.recall()
        fixture.handleAll()
        fixture.settleAll()
        let row = fixture.lane.takeSends(now: fixture.now)[0]
        fixture.lane.sendEnded(row.seq, .unauthorized, now: fixture.now)
        fixture.now += SendQueue.unauthorizedPause + .seconds(1)
        fixture.lane.renewed(asOf: fixture.now)
        #expect(fixture.lane.takeSends(now: fixture.now).count == 1)
        let wake = fixture.lane.nextWake(now: fixture.now)
        #expect(wake.map { $0 > fixture.now } ?? true)
    }
}
