import BotKit
import FleetModel
import Store
import Testing

@testable import WorkerRuntime

/// What a predecessor that may live could be sending waits until it no longer can; nothing else does.
@Suite struct LaneHoldTests {
    private func row(_ seq: Int64, chat: Int64 = 10, term: Int64 = 1) -> OutboxRow {
        OutboxRow(seq: term << 32 | seq, updateID: seq, conversation: chat, method: "sendMessage", body: [])
    }

    /// A lane that was just taken over at term 2 from an owner that may live, which left rows 1 and 2 of chat 10.
    private func takenOver() -> LaneFixture {
        var fixture = LaneFixture()
        fixture.arrive([(1, 20), (2, 10)])
        fixture.claim(term: 2, unsent: [row(1), row(2)], predecessor: .mayLive)
        fixture.recall()
        fixture.handleAll()
        fixture.settleAll()
        return fixture
    }

    private func sends(_ fixture: inout LaneFixture) -> [Int64] {
        fixture.lane.renewed(asOf: fixture.now)
        return fixture.lane.takeSends(now: fixture.now).map(\.conversation)
    }

    @Test func otherChatsAreAnsweredAtOnce() {
        var fixture = takenOver()
        #expect(sends(&fixture) == [20])
        fixture.now += .seconds(13)
        #expect(sends(&fixture).isEmpty)
    }

    @Test func theHoldEndsWhenThePredecessorCanSendNoMore() {
        var fixture = takenOver()
        let early = fixture.lane.takeReread(now: fixture.now + .seconds(19))
        fixture.now += .seconds(20)
        let wakes = fixture.lane.holdUntil
        let due = fixture.lane.takeReread(now: fixture.now)
        #expect(early == nil && due == [10])
        #expect(wakes == fixture.now)
        // Read while no settlement runs, and before that nothing goes out.
        #expect(sends(&fixture) == [20])
        fixture.lane.reread([row(1), row(2), row(1, term: 2)], now: fixture.now)
        #expect(sends(&fixture) == [10])
    }

    @Test func whatThePredecessorMarksDuringTheHoldIsNotSentAgain() {
        var fixture = takenOver()
        fixture.now += .seconds(20)
        _ = fixture.lane.takeReread(now: fixture.now)
        // It sent and marked row 1. What this owner settled for the chat meanwhile comes behind row 2.
        fixture.lane.reread([row(2), row(5, term: 2)], now: fixture.now)
        var order: [Int64] = []
        fixture.lane.renewed(asOf: fixture.now)
        while case let rows = fixture.lane.takeSends(now: fixture.now), !rows.isEmpty {
            for row in rows where row.conversation == 10 { order.append(row.seq) }
            for row in rows { fixture.lane.sendEnded(row.seq, .sent, now: fixture.now) }
            fixture.lane.renewed(asOf: fixture.now)
        }
        #expect(order == [1 << 32 | 2, 2 << 32 | 5])
        #expect(fixture.lane.sends.unsent == 0)
    }

    @Test func aChatWhoseRowsWereAllMarkedGoesOn() {
        var fixture = takenOver()
        fixture.now += .seconds(20)
        _ = fixture.lane.takeReread(now: fixture.now)
        fixture.lane.reread([], now: fixture.now)
        _ = sends(&fixture)
        fixture.arrive([(3, 10)])
        fixture.recall()
        fixture.handleAll()
        fixture.settleAll()
        #expect(sends(&fixture) == [10])
    }

    @Test func aNewMessageOfAHeldChatWaitsBehindThePredecessors() {
        var fixture = takenOver()
        _ = sends(&fixture)
        fixture.arrive([(3, 10), (4, 30)])
        fixture.recall()
        fixture.handleAll()
        fixture.settleAll()
        #expect(sends(&fixture) == [30])
    }

    @Test func aSecondClaimDoesNotEndTheHold() {
        var fixture = takenOver()
        fixture.lane.channelClosed(now: fixture.now)
        fixture.now += .seconds(5)
        fixture.nextTag = 1
        fixture.arrive([(1, 20)], redelivered: true)
        fixture.claim(term: 3, unsent: [row(1), row(2)])
        #expect(sends(&fixture).isEmpty)
        let early = fixture.lane.takeReread(now: fixture.now + .seconds(14))
        let due = fixture.lane.takeReread(now: fixture.now + .seconds(15))
        #expect(early == nil && due == [10])
    }

    @Test func aSecondPredecessorThatMayLiveProlongsTheHoldAndWidensIt() {
        var fixture = takenOver()
        fixture.lane.channelClosed(now: fixture.now)
        fixture.now += .seconds(13)
        fixture.nextTag = 1
        fixture.arrive([(5, 40)])
        // Somebody had the lane in between, and left a row of its own.
        fixture.claim(term: 4, unsent: [row(1), row(2), row(9, chat: 30, term: 3)], predecessor: .mayLive)
        let early = fixture.lane.takeReread(now: fixture.now + .seconds(19))
        let due = fixture.lane.takeReread(now: fixture.now + .seconds(20))
        #expect(early == nil && due == [10, 30])
    }

    /// The owner before the dead one was stopped, not dead: its rows carry an older term.
    @Test func aDeadPredecessorsPredecessorMayStillSend() {
        var fixture = LaneFixture()
        fixture.arrive([(1, 20)])
        fixture.claim(
            term: 3, unsent: [row(1, chat: 10, term: 1), row(1, chat: 30, term: 2)], predecessor: .dead,
            previousClaimAge: .seconds(5))
        #expect(sends(&fixture) == [30])
        let early = fixture.lane.takeReread(now: fixture.now + .seconds(14))
        let due = fixture.lane.takeReread(now: fixture.now + .seconds(15))
        #expect(early == nil && due == [10])
    }

    @Test func nothingIsHeldForThoseThatAreLongGone() {
        var fixture = LaneFixture()
        fixture.arrive([(1, 20)])
        fixture.claim(term: 3, unsent: [row(1)], predecessor: .dead, previousClaimAge: .seconds(21))
        #expect(sends(&fixture) == [10])
    }

    @Test func heldRowsDoNotStopTheHandlers() {
        var fixture = LaneFixture(["send.max_unsent": .int(2)])
        fixture.arrive([(1, 20)])
        fixture.claim(term: 2, unsent: [row(1), row(2), row(3)], predecessor: .mayLive)
        fixture.recall()
        #expect(fixture.handleAll() == [1])
    }

    /// This process had a call to the chat under way when it lost the lane and took it back.
    @Test func aCallThatWasUnderWayIsNotMadeAgainDuringTheHold() {
        var fixture = LaneFixture()
        fixture.arrive([(1, 10)])
        fixture.claim()
        fixture.recall()
        fixture.handleAll()
        fixture.settleAll()
        let rows = fixture.lane.takeSends(now: fixture.now)
        fixture.lane.channelClosed(now: fixture.now)
        fixture.nextTag = 1
        fixture.arrive([(2, 20)])
        fixture.claim(term: 3, unsent: rows + [row(8, term: 2)], predecessor: .mayLive)
        fixture.lane.sendEnded(rows[0].seq, .failed, now: fixture.now)
        fixture.now += .seconds(5)
        #expect(sends(&fixture).isEmpty)
        fixture.now += .seconds(15)
        _ = fixture.lane.takeReread(now: fixture.now)
        fixture.lane.reread(rows + [row(8, term: 2)], now: fixture.now)
        fixture.lane.renewed(asOf: fixture.now)
        #expect(fixture.lane.takeSends(now: fixture.now).map(\.seq) == [rows[0].seq])
        #expect(fixture.lane.sends.unsent == 2)
    }
}
