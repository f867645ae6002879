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
