import FleetModel
import HTTPTransport
import Logging
import Store
import Synchronization
import TelegramAPI
import Testing

@testable import WorkerRuntime

@Suite struct AckLedgerTests {
    @Test func gapsAreAckedSinglyAndClosedTogether() {
        var ledger = AckLedger()
        for tag in 1...5 { _ = ledger.delivered(UInt64(tag)) }
        ledger.settled(3)
        ledger.settled(2)
        #expect(ledger.take()?.also.sorted() == [2, 3])
        #expect(ledger.take() == nil)
        ledger.settled(5)
        ledger.settled(1)
        let acks = ledger.take()
        #expect(acks?.upTo == 3)
        #expect(acks?.also == [5])
        #expect(ledger.open == 1)
        ledger.settled(4)
        #expect(ledger.take()?.upTo == 5)
    }

    @Test func aTagOutOfTurnIsNotTaken() {
        var ledger = AckLedger()
        let first = ledger.delivered(1)
        let skipped = ledger.delivered(3)
        #expect(first && !skipped)
    }

    @Test func settlingTwiceCountsOnce() {
        var ledger = AckLedger()
        _ = ledger.delivered(1)
        ledger.settled(1)
        ledger.settled(1)
        #expect(ledger.open == 0)
    }
}

@Suite struct SessionCacheTests {
    @Test func itKnowsTheDifferenceBetweenUnknownAndNone() {
        var cache = SessionCache(bound: 10)
        #expect(cache.take(1) == nil)
        cache.put(1, nil)
        #expect(cache.take(1) == .some(nil))
        #expect(cache.take(1) == nil)
    }

    @Test func itStaysWithinItsBoundAndKeepsWhatIsRecent() {
        var cache = SessionCache(bound: 100)
        for id in 0..<1000 { cache.put(Int64(id), [1]) }
        #expect(cache.count <= 100)
        #expect(cache.take(999) == .some([1]))
        #expect(cache.take(0) == nil)
    }
}

@Suite struct SendQueueTests {
    private func rows(_ seqs: ClosedRange<Int64>, chat: Int64) -> [OutboxRow] {
        seqs.map { OutboxRow(seq: $0, updateID: $0, conversation: chat, method: "sendMessage", body: []) }
    }

    private func queue(_ values: [String: ConfigValue] = ["flood.limits": .bool(false)]) -> SendQueue {
        SendQueue(config: BotConfig(values: values))
    }

    @Test func aFailedMessageHoldsItsChatAndNobodyElse() {
        var queue = queue()
        let now = ContinuousClock.now
        queue.enqueue(rows(1...2, chat: 10) + rows(3...3, chat: 20))
        #expect(queue.take(now: now).map(\.seq) == [1, 3])
        queue.finished(1, .failed, now: now)
        queue.finished(3, .sent, now: now)
        #expect(queue.take(now: now).isEmpty)
        #expect(queue.take(now: now + .seconds(60)).map(\.seq) == [1])
    }

    @Test func retryAfterIsHeeded() {
        var queue = queue()
        let now = ContinuousClock.now
        queue.enqueue(rows(1...1, chat: 10))
        _ = queue.take(now: now)
        queue.finished(1, .rateLimited(.seconds(5)), now: now)
        #expect(queue.take(now: now + .seconds(4)).isEmpty)
        #expect(queue.nextWake.map { $0 <= now + .seconds(5) } == true)
        #expect(queue.take(now: now + .seconds(5)).map(\.seq) == [1])
    }

    @Test func aRefusedMessageIsGivenUpAndRecorded() {
        var queue = queue()
        let now = ContinuousClock.now
        queue.enqueue(rows(1...2, chat: 10))
        _ = queue.take(now: now)
        queue.finished(1, .refused("blocked"), now: now)
        #expect(queue.takeRefusals().map(\.kind) == ["send_refused"])
        #expect(queue.takeMarks() == [1])
        #expect(queue.take(now: now).map(\.seq) == [2])
    }

    @Test func whatTheWayToTelegramIsToBlameForIsTriedAgain() {
        var queue = queue()
        let now = ContinuousClock.now
        let errors: [TelegramError] = [
            .network(HTTPError(code: .tls, endpoint: "api:443")), .network(HTTPError(code: .cancelled, endpoint: "")),
            .notFound, .server(status: 502), .malformedReply(status: 200), .conflict(""),
        ]
        for (index, error) in errors.enumerated() {
            let seq = Int64(index + 1)
            queue.enqueue(rows(seq...seq, chat: seq))
            _ = queue.take(now: now)
            queue.finished(seq, SendQueue.Answer(.failure(error)), now: now)
        }
        #expect(queue.takeMarks() == [])
        #expect(queue.unsent == errors.count)
    }

    @Test func aReloadDoesNotRepeatWhatIsOnItsWay() {
        var queue = queue()
        let now = ContinuousClock.now
        queue.enqueue(rows(1...3, chat: 10) + rows(4...4, chat: 20))
        _ = queue.take(now: now)
        queue.finished(4, .sent, now: now)
        queue.forgetWaiting()
        queue.reload(rows(1...4, chat: 10))
        #expect(queue.take(now: now).isEmpty)
        queue.finished(1, .sent, now: now)
        #expect(queue.take(now: now).map(\.seq) == [2])
        #expect(queue.unsent == 2)
    }

    @Test func noMoreThanTheSettingAreOnTheirWay() {
        var queue = queue(["flood.limits": .bool(false), "send.concurrency": .int(2)])
        queue.enqueue((1...5).flatMap { rows(Int64($0)...Int64($0), chat: Int64($0)) })
        #expect(queue.take(now: .now).count == 2)
    }
}

@Suite struct StallDetectorTests {
    @Test func twoQuietIntervalsWithMessagesReadyAreAStall() {
        var detector = StallDetector()
        let first = detector.isStalled(arrived: 5, open: 0, ready: 3, consumers: 1)
        let second = detector.isStalled(arrived: 5, open: 0, ready: 3, consumers: 1)
        let third = detector.isStalled(arrived: 5, open: 0, ready: 3, consumers: 1)
        #expect([first, second, third] == [false, false, true])
    }

    @Test(arguments: [(0, 0, 9, 2), (5, 1, 9, 1), (5, 0, 0, 1)])
    func standbyBusyAndIdleAreNone(_ arrived: Int, _ open: Int, _ ready: Int, _ consumers: Int) {
        var detector = StallDetector()
        for _ in 0..<5 {
            let isStalled = detector.isStalled(arrived: arrived, open: open, ready: ready, consumers: consumers)
            #expect(!isStalled)
        }
    }
}

@Suite struct TokenBookTests {
    private final class Stored: Sendable {
        let token = Mutex<Result<Secret, StoreError>>(.success(Secret("1:old")))
        let used = Mutex<[String]>([])
    }

    @Test func aTokenIsTakenUpOnceWhenItChanged() async throws {
        let stored = Stored()
        let book = TokenBook()
        let bot = try #require(BotID("shop"))
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        book.watch(bot, Secret("1:old")) { () throws(StoreError) in
            try stored.token.withLock { $0 }.get()
        } use: { token in
            stored.used.withLock { $0.append(token.reveal()) }
        }
        await book.renew(logger)
        #expect(stored.used.withLock { $0 } == [])
        stored.token.withLock { $0 = .failure(StoreError(.notFound, "away")) }
        await book.renew(logger)
        stored.token.withLock { $0 = .success(Secret("none")) }
        await book.renew(logger)
        #expect(stored.used.withLock { $0 } == [], "what is no token is not used")
        stored.token.withLock { $0 = .success(Secret("1:new")) }
        await book.renew(logger)
        await book.renew(logger)
        #expect(stored.used.withLock { $0 } == ["1:new"])
    }
}
