import Broker
import FleetModel
import HTTPTransport
import Logging
import Synchronization
import TelegramAPI
import Testing

@testable import Gateway

/// Telegram as far as polling goes: keeps updates until an offset passes them, and holds a request open when it has none.
private final class FakeTelegram: UpdateSource {
    struct State {
        var updates: [ReceivedUpdate]
        var offsets: [Int64?] = []
        var commits: [Int64] = []
        var waiting: CheckedContinuation<Void, Never>?
        var isWaitedFor: CheckedContinuation<Void, Never>?
    }
    let state: Mutex<State>

    init(_ updates: [ReceivedUpdate]) { state = Mutex(State(updates: updates)) }

    func updates(from offset: Int64?, allKinds: Bool) async throws(TelegramError) -> [ReceivedUpdate] {
        let (ready, watcher) = state.withLock { state in
            state.offsets.append(offset)
            if let offset { state.updates.removeAll { $0.id < offset } }
            let ready = Array(state.updates.prefix(5))
            return (ready, ready.isEmpty ? state.isWaitedFor.take() : nil)
        }
        if !ready.isEmpty { return ready }
        watcher?.resume()
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isCancelled = state.withLock { state in
                    if Task.isCancelled { return true }
                    state.waiting = continuation
                    return false
                }
                if isCancelled { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiting.take() }?.resume()
        }
        throw .network(HTTPError(code: .cancelled, endpoint: ""))
    }

    func commit(offset: Int64) async throws(TelegramError) {
        state.withLock { state in
            state.commits.append(offset)
            state.updates.removeAll { $0.id < offset }
        }
    }

    func deleteWebhook() async throws(TelegramError) {}

    /// Waits until a poll finds nothing more.
    func drained() async {
        await withCheckedContinuation { continuation in
            let isDrained = state.withLock { state in
                if state.waiting != nil { return true }
                state.isWaitedFor = continuation
                return false
            }
            if isDrained { continuation.resume() }
        }
    }
}

/// A queue that says no, or loses its answers, as a script tells it.
private final class FakeQueue: UpdateSink {
    let stored = Mutex<[ReceivedUpdate]>([])
    private let outcome: @Sendable (ReceivedUpdate) -> PublishOutcome
    private let meanwhile: @Sendable () -> Void

    init(
        meanwhile: @escaping @Sendable () -> Void = {},
        _ outcome: @escaping @Sendable (ReceivedUpdate) -> PublishOutcome
    ) {
        self.outcome = outcome
        self.meanwhile = meanwhile
    }

    func publish(_ updates: [ReceivedUpdate], of bot: BotSpec) async throws(BrokerError) -> [PublishOutcome] {
        meanwhile()
        return updates.map { update in
            let outcome = outcome(update)
            // An unknown outcome may be a stored one.
            if outcome == .confirmed || outcome == .unknown { stored.withLock { $0.append(update) } }
            return outcome
        }
    }
}

@Suite(.timeLimit(.minutes(1))) struct PollerTests {
    private func poller(_ source: FakeTelegram, _ sink: FakeQueue, _ lease: Lease) throws -> Poller {
        let bot = BotSpec(id: try #require(BotID("b")), behaviour: "echo")
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        return Poller(
            bot: bot, source: source, sink: sink, lease: lease, board: IntakeBoard(),
            counters: GatewayCounters(), logger: logger)
    }

    @Test func allOfAChatArriveInOrderThoughTheQueueRefusesAndForgets() async throws {
        let updates = (1...40).map { update(Int64($0), chat: Int64($0 * 7 % 3)) }
        let telegram = FakeTelegram(updates)
        let count = Atomic<Int>(0)
        let queue = FakeQueue { _ in
            switch count.add(1, ordering: .relaxed).newValue % 7 {
            case 2: .nacked
            case 5: .unknown
            default: .confirmed
            }
        }
        let poller = try poller(telegram, queue, Lease(end: .now + .seconds(600)))
        let task = Task { await poller.run() }
        await telegram.drained()
        task.cancel()
        #expect(await task.value == .stopped)

        let stored = queue.stored.withLock { $0 }
        #expect(stored.count > 40, "no answer was lost: the test proves less than it should")
        var first: [ReceivedUpdate] = []
        for update in stored where !first.contains(update) { first.append(update) }
        #expect(Set(first.map(\.id)) == Set(1...40))
        for chat in 0..<3 {
            let ids = first.map(\.id).filter { $0 * 7 % 3 == chat }
            #expect(ids == ids.sorted())
        }
    }

    @Test func telegramIsToldNoOffsetBeforeTheConfirm() async throws {
        let telegram = FakeTelegram([update(1, chat: 1)])
        let offsetsAtPublish = Mutex<[[Int64?]]>([])
        let queue = FakeQueue(meanwhile: {
            offsetsAtPublish.withLock { $0.append(telegram.state.withLock { $0.offsets }) }
        }) {
            _ in .confirmed
        }
        let poller = try poller(telegram, queue, Lease(end: .now + .seconds(600)))
        let task = Task { await poller.run() }
        await telegram.drained()
        task.cancel()
        _ = await task.value
        #expect(offsetsAtPublish.withLock { $0 } == [[nil]])
        #expect(telegram.state.withLock { $0.offsets } == [nil, 2])
    }

    @Test func aLostLeaseEndsItWithoutAnAcknowledgement() async throws {
        let telegram = FakeTelegram([update(1, chat: 1), update(2, chat: 1)])
        let lease = Lease(end: .now + .seconds(600))
        let queue = FakeQueue(meanwhile: { lease.revoke() }) { _ in .confirmed }
        let end = await (try poller(telegram, queue, lease)).run()
        #expect(end == .leaseLost)
        #expect(queue.stored.withLock { $0.map(\.id) } == [1])
        #expect(telegram.state.withLock { $0.offsets } == [nil])
        #expect(telegram.state.withLock { $0.commits } == [])
    }

    @Test func aLeaseThatIsOverLetsNoRequestOut() async throws {
        let telegram = FakeTelegram([update(1, chat: 1)])
        let end = await (try poller(telegram, FakeQueue { _ in .confirmed }, Lease(end: .now))).run()
        #expect(end == .leaseLost)
        #expect(telegram.state.withLock { $0.offsets } == [])
    }

    @Test func stoppingCommitsWhatIsConfirmed() async throws {
        let telegram = FakeTelegram([update(1, chat: 1), update(2, chat: 2)])
        let poller = try poller(telegram, FakeQueue { _ in .confirmed }, Lease(end: .now + .seconds(600)))
        let task = Task { await poller.run() }
        await telegram.drained()
        task.cancel()
        #expect(await task.value == .stopped)
        // The poll with offset 3 was broken off, so it is told once more.
        #expect(telegram.state.withLock { $0.commits } == [3])
    }
}
