import BotKit
import FleetModel
import HTTPTransport
import Store
import TelegramAPI
import Testing

@testable import WorkerRuntime

/// Sends whose outcome nobody knows, with `send.ambiguous` set to `surface`.
@Suite struct AmbiguousSendTests {
    private let now = ContinuousClock.now

    private func queue() -> SendQueue { SendFixture.queue(["send.ambiguous": .string("surface")]) }

    private func begun(_ rows: [OutboxRow]) -> [OutboxRow] {
        rows.map {
            var row = $0
            row.isBegun = true
            return row
        }
    }

    @Test(arguments: [
        TelegramError.network(HTTPError(code: .deadline, endpoint: "", mayHaveArrived: true)),
        .network(HTTPError(code: .connectionLost, endpoint: "", mayHaveArrived: true)), .malformedReply(status: 200),
    ])
    func aCallThatMayHaveArrivedIsShownAndNotRepeated(_ error: TelegramError) {
        var queue = queue()
        queue.enqueue(SendFixture.rows(1...2, chat: 10), now: now)
        _ = queue.take(now: now)
        queue.finished(1, SendQueue.Answer(.failure(error)), now: now)
        let report = queue.takeReport()
        #expect(report.events.map(\.kind) == ["send_ambiguous"])
        let data = String(decoding: report.events[0].data, as: UTF8.self)
        #expect(data.contains(#""method":"sendMessage""#) && data.contains(#"\"text\":\"1\""#), "\(data)")
        #expect(queue.takeMarks() == [1])
        #expect(queue.tally.ambiguous == 1)
        #expect(queue.take(now: now + .seconds(1)).map(\.seq) == [2])
    }

    @Test(arguments: [
        TelegramError.network(HTTPError(code: .unreachable, endpoint: "")), .server(status: 500),
        .rateLimited(retryAfter: .seconds(1)),
    ])
    func aCallThatDidNotArriveIsRepeated(_ error: TelegramError) {
        var queue = queue()
        queue.enqueue(SendFixture.rows(1...1, chat: 10), now: now)
        _ = queue.take(now: now)
        queue.finished(1, SendQueue.Answer(.failure(error)), now: now)
        #expect(queue.take(now: now + .seconds(60)).map(\.seq) == [1])
        #expect(queue.tally.ambiguous == 0)
    }

    @Test func whatADeadOwnerBeganAndDidNotMarkIsShownAndTheRestSent() {
        var queue = queue()
        queue.reload(begun(SendFixture.rows(1...1, chat: 10)) + SendFixture.rows(2...2, chat: 10), now: now)
        #expect(queue.take(now: now).map(\.seq) == [2])
        #expect(queue.takeMarks() == [1])
        #expect(queue.takeReport().events.count == 1)
    }

    @Test func byDefaultItIsSentAgain() {
        var queue = SendFixture.queue()
        queue.reload(begun(SendFixture.rows(1...1, chat: 10)), now: now)
        #expect(queue.take(now: now).map(\.seq) == [1])
    }

    @Test func whatThisOwnerBeganItKnows() {
        var queue = queue()
        queue.enqueue(SendFixture.rows(1...1, chat: 10) + SendFixture.rows(2...2, chat: 20), now: now)
        _ = queue.take(now: now)
        queue.finished(1, .failed, now: now)
        // A settlement failed, and the lane was claimed again by this owner.
        queue.reload(begun(SendFixture.rows(1...1, chat: 10) + SendFixture.rows(2...2, chat: 20)), now: now)
        #expect(queue.take(now: now).map(\.seq) == [1])
        // Another owner had it in between.
        queue.finished(1, .failed, now: now)
        queue.forgetBegun()
        queue.reload(begun(SendFixture.rows(1...1, chat: 10)), now: now)
        #expect(queue.tally.ambiguous == 1)
        queue.finished(2, .sent, now: now)
        #expect(queue.takeMarks() == [1, 2])
    }

    /// The predecessor lives: it may still mark what it began.
    @Test func whatALivingPredecessorBeganIsJudgedAfterTheHold() {
        var queue = queue()
        let rows = begun(SendFixture.rows(1...2, chat: 10))
        queue.hold([10])
        queue.reload(rows, now: now)
        #expect(queue.tally.ambiguous == 0)
        queue.release([rows[1]], now: now)
        #expect(queue.tally.ambiguous == 1)
        #expect(queue.takeMarks() == [2])
        #expect(queue.unsent == 0)
    }

    @Test func aCallThatCouldNotBeBegunIsMadeLater() {
        var queue = queue()
        queue.enqueue(SendFixture.rows(1...1, chat: 10), now: now)
        _ = queue.take(now: now)
        queue.finished(1, .notBegun, now: now)
        #expect(queue.take(now: now).isEmpty)
        #expect(queue.take(now: now + .seconds(1)).map(\.seq) == [1])
    }
}

/// Chats that Telegram will not deliver to.
@Suite struct ChatBlockTests {
    private func blocked(_ text: String) -> SendQueue.Answer { SendQueue.Answer(.failure(.forbidden(text))) }

    /// A lane with replies of these updates committed and ready to go.
    private func lane(_ updates: [(id: Int64, chat: Int64)]) -> LaneFixture {
        var fixture = LaneFixture()
        fixture.arrive(updates)
        fixture.claim()
        fixture.recall()
        settle(&fixture)
        return fixture
    }

    /// Handles all, each with a message to its own chat.
    private func settle(_ fixture: inout LaneFixture) {
        while let job = fixture.lane.takeJob(now: fixture.now) {
            var effects = Effects()
            effects.calls = [.sendMessage(chat: job.update.conversation, text: "hi")]
            fixture.lane.handled(job.id, .effects(effects), now: fixture.now)
        }
        fixture.settleAll()
    }

    @Test func whatWaitsForABlockedChatIsDroppedAndNobodyElses() {
        var fixture = lane([(1, 10), (2, 10), (3, 10), (4, 20)])
        let rows = fixture.lane.takeSends(now: fixture.now)
        fixture.lane.sendEnded(rows[0].seq, blocked("bot was blocked by the user"), now: fixture.now)
        #expect(fixture.lane.counters.refused == 3 && fixture.lane.counters.blocked == 1)
        #expect(fixture.lane.sends.unsent == 1)
        _ = fixture.settle()
        let report = fixture.lane.settling?.report
        #expect(report?.blocks.map(\.conversation) == [10])
        #expect(report?.events.count == 1)
        #expect(fixture.lane.settling?.sent.count == 3)
        fixture.lane.sendEnded(rows[1].seq, .sent, now: fixture.now)
    }

    @Test func theChatsNextUpdateLiftsTheBlock() {
        var fixture = lane([(1, 10)])
        let row = fixture.lane.takeSends(now: fixture.now)[0]
        fixture.lane.sendEnded(row.seq, blocked("bot was blocked by the user"), now: fixture.now)
        fixture.settleAll()
        fixture.arrive([(2, 10)])
        fixture.recall()
        while let job = fixture.lane.takeJob(now: fixture.now) {
            fixture.lane.handled(job.id, .effects(LaneFixture.effects(of: job)), now: fixture.now)
        }
        _ = fixture.settle()
        #expect(fixture.lane.settling?.lifted == [10])
        fixture.lane.settled(now: fixture.now)
        #expect(fixture.lane.takeSends(now: fixture.now).count == 1)
        // Once.
        fixture.arrive([(3, 10)])
        fixture.recall()
        fixture.handleAll()
        _ = fixture.settle()
        #expect(fixture.lane.settling?.lifted == [])
    }

    @Test func aMessageToABlockedChatFromAnotherIsDropped() {
        var fixture = lane([(1, 10)])
        let row = fixture.lane.takeSends(now: fixture.now)[0]
        fixture.lane.sendEnded(row.seq, blocked("user is deactivated"), now: fixture.now)
        fixture.settleAll()
        fixture.arrive([(2, 20)])
        fixture.recall()
        while let job = fixture.lane.takeJob(now: fixture.now) {
            var effects = Effects()
            effects.calls = [.sendMessage(chat: 10, text: "hi"), .sendMessage(chat: 20, text: "hi")]
            fixture.lane.handled(job.id, .effects(effects), now: fixture.now)
        }
        fixture.settleAll()
        #expect(fixture.lane.takeSends(now: fixture.now).map(\.conversation) == [20])
        #expect(fixture.lane.counters.refused == 2)
    }

    @Test func aBlockAnEarlierOwnerFoundIsLiftedToo() {
        var fixture = LaneFixture()
        fixture.arrive([(1, 10)])
        fixture.claim()
        guard let recall = fixture.lane.takeRecall() else {
            Issue.record("nothing to recall")
            return
        }
        fixture.lane.recalled(recall, inbox: [:], sessions: [:], blocked: [10], now: fixture.now)
        fixture.handleAll()
        _ = fixture.settle()
        #expect(fixture.lane.settling?.lifted == [10])
    }

    @Test func aBlockIsRecordedEvenIfItsFirstSettlementFails() {
        var fixture = lane([(1, 10)])
        let row = fixture.lane.takeSends(now: fixture.now)[0]
        fixture.lane.sendEnded(row.seq, blocked("bot was blocked by the user"), now: fixture.now)
        _ = fixture.settle()
        fixture.lane.settlementFailed(.unavailable, now: fixture.now)
        fixture.claim(term: 2)
        _ = fixture.settle()
        #expect(fixture.lane.settling?.report.blocks.map(\.conversation) == [10])
    }

    /// A call that does not name the chat it waits with says nothing about it.
    @Test func aRefusalOfAnotherChatBlocksNone() {
        var queue = SendFixture.queue()
        let now = ContinuousClock.now
        queue.enqueue(
            [
                OutboxRow(
                    seq: 1, updateID: 1, conversation: 10, method: "getChatMember",
                    body: Array(#"{"chat_id":"@channel"}"#.utf8))
            ] + SendFixture.rows(2...2, chat: 10), now: now)
        _ = queue.take(now: now)
        queue.finished(1, blocked("bot is not a member of the channel chat"), now: now)
        #expect(queue.tally.blocked == 0 && queue.tally.refused == 1)
        #expect(queue.take(now: now).map(\.seq) == [2])
    }

    @Test(arguments: [
        ("chat not found", true), ("user is deactivated", true), ("message is too long", false),
        ("message to edit not found", false),
    ])
    func some400sMeanTheChat(_ text: String, _ isBlocked: Bool) {
        var isIt = false
        if case .blocked = SendQueue.Answer(.failure(.badRequest("Bad Request: \(text)"))) { isIt = true }
        #expect(isIt == isBlocked)
    }
}
