import FleetModel
import HTTPTransport
import Store
import TelegramAPI
import Testing

@testable import WorkerRuntime

/// What a send queue's tests share.
enum SendFixture {
    static let lane = LaneKey(bot: LaneFixture.bot)

    static func rows(
        _ seqs: ClosedRange<Int64>, chat: Int64, method: String = "sendMessage", priority: SendPriority = .reply
    ) -> [OutboxRow] {
        seqs.map {
            OutboxRow(
                seq: $0, updateID: $0, conversation: chat, method: method,
                body: Array(#"{"chat_id":\#(chat),"text":"\#($0)"}"#.utf8), priority: priority)
        }
    }

    static func queue(_ values: [String: ConfigValue] = [:], limits: Bool = false) -> SendQueue {
        var values = values
        values["flood.limits"] = .bool(limits)
        return SendQueue(config: BotConfig(values: values), lane: lane, rate: BotRate(), seed: 1)
    }
}

@Suite struct SendQueueTests {
    private let now = ContinuousClock.now

    private func rows(_ seqs: ClosedRange<Int64>, chat: Int64) -> [OutboxRow] { SendFixture.rows(seqs, chat: chat) }

    @Test func aFailedMessageHoldsItsChatAndNobodyElse() {
        var queue = SendFixture.queue()
        queue.enqueue(rows(1...2, chat: 10) + rows(3...3, chat: 20), now: now)
        #expect(queue.take(now: now).map(\.seq) == [1, 3])
        queue.finished(1, .failed, now: now)
        queue.finished(3, .sent, now: now)
        #expect(queue.take(now: now).isEmpty)
        #expect(queue.take(now: now + .seconds(60)).map(\.seq) == [1])
    }

    @Test func failuresAreSpreadGrowAndAreCapped() {
        var queue = SendFixture.queue()
        var other = SendQueue(
            config: BotConfig(values: ["flood.limits": .bool(false)]), lane: SendFixture.lane, rate: BotRate(), seed: 2)
        var now = now
        var pauses: [Duration] = []
        var others: [Duration] = []
        queue.enqueue(rows(1...1, chat: 10), now: now)
        other.enqueue(rows(1...1, chat: 10), now: now)
        for _ in 0..<15 {
            _ = queue.take(now: now)
            _ = other.take(now: now)
            queue.finished(1, .failed, now: now)
            other.finished(1, .failed, now: now)
            pauses.append((queue.nextWake ?? now) - now)
            others.append((other.nextWake ?? now) - now)
            now += .seconds(60)
        }
        #expect(pauses[0] >= .milliseconds(50) && pauses[0] <= .milliseconds(150))
        #expect(pauses[5] >= .milliseconds(1600) && pauses[5] <= .milliseconds(4800))
        #expect(pauses.allSatisfy { $0 <= .seconds(45) } && pauses[14] >= .seconds(15))
        #expect(pauses != others)
    }

    @Test func retryAfterIsHeeded() {
        var queue = SendFixture.queue()
        queue.enqueue(rows(1...1, chat: 10), now: now)
        _ = queue.take(now: now)
        queue.finished(1, .rateLimited(.seconds(5)), now: now)
        #expect(queue.take(now: now + .seconds(4)).isEmpty)
        #expect(queue.nextWake.map { $0 <= now + .seconds(5) } == true)
        #expect(queue.take(now: now + .seconds(5)).map(\.seq) == [1])
        #expect(queue.tally.rateLimited == 1)
    }

    @Test func aRefusedMessageIsGivenUpAndRecorded() {
        var queue = SendFixture.queue()
        queue.enqueue(rows(1...2, chat: 10), now: now)
        _ = queue.take(now: now)
        queue.finished(1, .refused("message is too long"), now: now)
        #expect(queue.takeReport().events.map(\.kind) == ["send_refused"])
        #expect(queue.takeMarks() == [1])
        #expect(queue.take(now: now).map(\.seq) == [2])
    }

    @Test func whatTheWayToTelegramIsToBlameForIsTriedAgain() {
        var queue = SendFixture.queue()
        let errors: [TelegramError] = [
            .network(HTTPError(code: .tls, endpoint: "api:443")), .network(HTTPError(code: .cancelled, endpoint: "")),
            .network(HTTPError(code: .deadline, endpoint: "", mayHaveArrived: true)),
            .notFound, .server(status: 502), .malformedReply(status: 200), .conflict(""),
        ]
        for (index, error) in errors.enumerated() {
            let seq = Int64(index + 1)
            queue.enqueue(rows(seq...seq, chat: seq), now: now)
            _ = queue.take(now: now)
            queue.finished(seq, SendQueue.Answer(.failure(error)), now: now)
        }
        #expect(queue.takeMarks() == [])
        #expect(queue.unsent == errors.count)
    }

    @Test func aReloadDoesNotRepeatWhatIsOnItsWay() {
        var queue = SendFixture.queue()
        queue.enqueue(rows(1...3, chat: 10) + rows(4...4, chat: 20), now: now)
        _ = queue.take(now: now)
        queue.finished(4, .sent, now: now)
        queue.forgetWaiting()
        queue.reload(rows(1...4, chat: 10), now: now)
        #expect(queue.take(now: now).isEmpty)
        queue.finished(1, .sent, now: now)
        #expect(queue.take(now: now).map(\.seq) == [2])
        #expect(queue.unsent == 2)
    }

    @Test func noMoreThanTheSettingAreOnTheirWay() {
        var queue = SendFixture.queue(["send.concurrency": .int(2)])
        queue.enqueue((1...5).flatMap { rows(Int64($0)...Int64($0), chat: Int64($0)) }, now: now)
        #expect(queue.take(now: now).count == 2)
    }

    @Test func aGroupThatMovedIsFollowed() throws {
        var queue = SendFixture.queue()
        queue.enqueue(rows(1...2, chat: -10), now: now)
        _ = queue.take(now: now)
        queue.finished(1, SendQueue.Answer(.failure(.migrated(to: -1001))), now: now)
        let again = try #require(queue.take(now: now).first)
        #expect(String(decoding: again.body, as: UTF8.self) == #"{"chat_id":-1001,"text":"1"}"#)
        queue.finished(1, .sent, now: now)
        let next = try #require(queue.take(now: now).first)
        #expect(String(decoding: next.body, as: UTF8.self) == #"{"chat_id":-1001,"text":"2"}"#)
        // Sent round in a circle it is given up.
        queue.finished(2, .migrated(to: -1001), now: now)
        #expect(queue.unsent == 0 && queue.takeReport().events.count == 1)
    }
}
