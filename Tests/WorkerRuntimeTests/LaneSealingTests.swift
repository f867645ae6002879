import BotKit
import FleetModel
import Store
import Testing

@testable import WorkerRuntime

@Suite struct LaneSealingTests {
    private func fixture(epoch: Int32 = 1) -> LaneFixture {
        var fixture = LaneFixture()
        fixture.lane = Lane(
            bot: LaneFixture.bot, config: fixture.lane.config, key: LaneKey(bot: LaneFixture.bot, epoch: epoch))
        return fixture
    }

    @Test func theSealIsNotedWhenAllBeforeItIsSettledAndSent() {
        var fixture = fixture()
        fixture.arrive([(1, 10)])
        fixture.seal(1)
        fixture.arrive([(2, 10), (3, 20)])
        fixture.claim()
        fixture.recall()
        #expect(fixture.takeSeal() == false, "an update is open")
        #expect(fixture.handleAll() == [1], "what comes after the seal is not taken up")
        #expect(fixture.takeSeal() == false, "it is not committed")
        #expect(fixture.settle()?.updateCount == 1)
        fixture.lane.settled(now: fixture.now)
        #expect(fixture.takeSeal() == false, "its answer is not sent")
        let rows = fixture.lane.takeSends(now: fixture.now)
        #expect(rows.count == 1)
        fixture.lane.sendEnded(rows[0].seq, .sent, now: fixture.now)
        #expect(fixture.takeSeal() == false, "that it was sent is not marked")
        fixture.settleAll()
        #expect(fixture.takeSeal() == true)
        #expect(fixture.takeSeal() == false, "once at a time")
        #expect(fixture.lane.takeAcks()?.upTo == 1)
        fixture.lane.sealed(true, now: fixture.now)
        #expect(fixture.lane.isSealed)
        let acks = fixture.lane.takeAcks()
        #expect(acks?.upTo == 2 && acks?.also == [], "the seal, and nothing after it")
        #expect(fixture.takeSeal() == false)
    }

    @Test func whatStillWaitsInTheDatabaseIsWaitedFor() {
        var fixture = fixture()
        fixture.seal(1)
        fixture.claim()
        #expect(fixture.takeSeal() == true)
        fixture.lane.sealed(false, now: fixture.now)
        #expect(!fixture.lane.isSealed && fixture.lane.takeAcks() == nil)
        #expect(fixture.takeSeal() == false)
        let next = fixture.lane.nextWake(now: fixture.now)
        #expect(next == fixture.now + Lane.sealPause)
        fixture.now += Lane.sealPause
        #expect(fixture.takeSeal() == true)
    }

    @Test func aSealOfAnEarlierEpochIsOnlyAcked() {
        var fixture = fixture(epoch: 2)
        fixture.seal(1)
        fixture.arrive([(1, 10)])
        fixture.claim()
        fixture.recall()
        #expect(fixture.lane.takeAcks()?.upTo == 1)
        #expect(fixture.handleAll() == [1])
        #expect(fixture.takeSeal() == false)
    }

    @Test func aSealOfALaterEpochCannotBeAndIsDeadLettered() {
        var fixture = fixture()
        fixture.seal(7)
        fixture.claim()
        #expect(fixture.takeSeal() == false)
        #expect(fixture.settle() != nil)
        fixture.lane.settled(now: fixture.now)
        #expect(fixture.lane.counters.deadLettered == 1)
        #expect(fixture.lane.takeAcks()?.upTo == 1)
    }

    @Test func aWakeIsAckedAndMakesTheLaneClaimWhatIsLeft() {
        var fixture = fixture()
        fixture.lane.arrived([Arrival(tag: fixture.nextTag, .wake)], now: fixture.now)
        fixture.nextTag += 1
        let row = OutboxRow(seq: 1, updateID: 1, conversation: 5, method: "sendMessage", body: [0x7B, 0x7D])
        fixture.claim(term: 2, unsent: [row])
        #expect(fixture.lane.takeAcks()?.upTo == 1)
        #expect(fixture.lane.takeSends(now: fixture.now).map(\.seq) == [1])
        #expect(fixture.lane.counters.received == 0, "it is no update")
    }

    @Test func withItsChannelTheSealIsGoneAndComesAgain() {
        var fixture = fixture()
        fixture.seal(1)
        fixture.claim()
        fixture.lane.channelClosed(now: fixture.now)
        fixture.nextTag = 1
        fixture.arrive([(1, 10)])
        fixture.claim(term: 2)
        fixture.recall()
        #expect(fixture.handleAll() == [1])
    }
}

extension LaneFixture {
    fileprivate mutating func seal(_ epoch: Int64) {
        lane.arrived([Arrival(tag: nextTag, .seal(epoch: epoch))], now: now)
        nextTag += 1
    }

    fileprivate mutating func takeSeal() -> Bool { lane.takeSeal(now: now) }
}
