import FleetModel
import HTTPTransport
import Logging
import Synchronization
import TelegramAPI
import Testing

@testable import Gateway

@Suite struct WebhookKeeperStateTests {
    private static let url = "https://x/hooks/1"
    private var state = WebhookKeeperState(url: Self.url, checkInterval: .seconds(60))

    private func info(_ url: String = Self.url, pending: Int = 0, error: Int64? = nil) -> WebhookKeeperState.Event {
        .checked(
            WebhookInfo(
                url: url, pendingUpdateCount: pending, lastErrorDate: error,
                lastErrorMessage: error.map { _ in "Wrong response from the webhook: 502 Bad Gateway" }))
    }

    private func isPause(_ action: WebhookKeeperState.Action) -> Bool {
        if case .pause = action { true } else { false }
    }

    @Test mutating func itIsSetAndLookedAfter() {
        #expect(state.begin() == .set)
        #expect(state.report.condition == .starting)
        #expect(state.handle(.wasSet) == .check)
        #expect(state.handle(info()) == .pause(.seconds(60)))
        #expect(state.report == IntakeReport(.webhook))
        #expect(state.handle(.pauseEnded) == .check)
    }

    @Test mutating func anErrorOfBeforeIsNotOurs() {
        _ = state.handle(.wasSet)
        _ = state.handle(info(error: 100))
        #expect(state.report == IntakeReport(.webhook))
        _ = state.handle(.pauseEnded)
        _ = state.handle(info(pending: 7, error: 101))
        #expect(state.report.condition == .failing)
        #expect(state.report.detail?.contains("7 updates wait there: Wrong response from the webhook: 502") == true)
        // Telegram never forgets its last error; when none is added, it goes well.
        _ = state.handle(.pauseEnded)
        _ = state.handle(info(error: 101))
        #expect(state.report == IntakeReport(.webhook))
    }

    @Test(arguments: ["", "https://elsewhere/"])
    mutating func whatSomebodyChangedIsSetAgain(_ theirs: String) {
        _ = state.handle(.wasSet)
        _ = state.handle(info())
        _ = state.handle(.pauseEnded)
        #expect(isPause(state.handle(info(theirs))))
        #expect(state.report.condition == .conflict)
        #expect(state.handle(.pauseEnded) == .set)
        #expect(state.handle(.wasSet) == .check)
        _ = state.handle(info())
        #expect(state.report == IntakeReport(.webhook))
    }

    @Test mutating func twoThatFightSlowDown() {
        var pauses: [Duration] = []
        for _ in 0..<10 {
            _ = state.handle(.wasSet)
            guard case .pause(let pause) = state.handle(info("https://elsewhere/")) else {
                Issue.record("set again at once")
                return
            }
            pauses.append(pause)
            #expect(state.handle(.pauseEnded) == .set)
        }
        #expect(pauses.allSatisfy { $0 >= .seconds(3) && $0 <= .seconds(60) })
        #expect((pauses.last ?? .zero) > .seconds(3))
    }

    @Test mutating func telegramsFailuresAreTriedAgain() {
        #expect(isPause(state.handle(.failed(.server(status: 502)))))
        #expect(state.report.condition == .failing)
        #expect(state.handle(.pauseEnded) == .set)
        #expect(state.handle(.failed(.rateLimited(retryAfter: .seconds(9)))) == .pause(.seconds(9)))
        _ = state.handle(.wasSet)
        #expect(isPause(state.handle(.failed(.server(status: 502)))))
        #expect(state.handle(.pauseEnded) == .check)
        #expect(state.handle(info()) == .pause(.seconds(60)))
        #expect(state.report == IntakeReport(.webhook))
    }

    @Test(arguments: [TelegramError.unauthorized, .notFound])
    mutating func aRefusedTokenEndsIt(_ error: TelegramError) {
        #expect(state.handle(.failed(error)) == .endRefused)
        #expect(state.report.condition == .refused)
    }
}

/// Telegram as far as webhooks go.
private final class FakeWebhook: WebhookAPI {
    let url = "https://x/1"
    let calls = Mutex<[String]>([])
    private let deletion: @Sendable (Int) throws(TelegramError) -> Void
    private let meanwhile: @Sendable () -> Void

    init(
        meanwhile: @escaping @Sendable () -> Void = {},
        deletion: @escaping @Sendable (Int) throws(TelegramError) -> Void = { (_) throws(TelegramError) in }
    ) {
        self.deletion = deletion
        self.meanwhile = meanwhile
    }

    func set() async throws(TelegramError) {
        calls.withLock { $0.append("set") }
        meanwhile()
    }

    func info() async throws(TelegramError) -> WebhookInfo {
        calls.withLock { $0.append("info") }
        return WebhookInfo(url: url, pendingUpdateCount: 0)
    }

    func delete() async throws(TelegramError) {
        try deletion(
            calls.withLock { calls in
                calls.append("delete"); return calls.count
            })
    }
}

@Suite(.timeLimit(.minutes(1))) struct WebhookKeeperTests {
    private func keeper(_ api: FakeWebhook, _ lease: Lease) throws -> WebhookKeeper {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        return WebhookKeeper(
            bot: try #require(BotID("b")), api: api, lease: lease, board: IntakeBoard(), logger: logger)
    }

    @Test func withoutALeaseNothingIsAsked() async throws {
        let api = FakeWebhook()
        #expect(await (try keeper(api, Lease(end: .now))).keep(checkInterval: .seconds(60)) == .leaseLost)
        #expect(await (try keeper(api, Lease(end: .now))).withdraw() == .leaseLost)
        #expect(api.calls.withLock { $0 } == [])
    }

    @Test func aLostLeaseEndsItAtOnce() async throws {
        let lease = Lease(end: .now + .seconds(600))
        let api = FakeWebhook(meanwhile: { lease.revoke() })
        #expect(await (try keeper(api, lease)).keep(checkInterval: .seconds(60)) == .leaseLost)
        #expect(api.calls.withLock { $0 } == ["set"])
    }

    @Test func itsEndLeavesTheWebhook() async throws {
        let api = FakeWebhook()
        let keeper = try keeper(api, Lease(end: .now + .seconds(600)))
        let task = Task { await keeper.keep(checkInterval: .milliseconds(1)) }
        while api.calls.withLock({ $0.count }) < 3 { await Task.yield() }
        task.cancel()
        #expect(await task.value == .stopped)
        #expect(!api.calls.withLock { $0.contains("delete") })
    }

    @Test func aDeletionIsTriedUntilItIsDone() async throws {
        let api = FakeWebhook(deletion: { (call) throws(TelegramError) in if call < 2 { throw .server(status: 500) } })
        #expect(await (try keeper(api, Lease(end: .now + .seconds(600)))).withdraw() == .withdrawn)
        #expect(api.calls.withLock { $0 } == ["delete", "delete"])
    }

    @Test func aTokenThatIsNoneAnyMoreHasNoWebhookToDelete() async throws {
        let api = FakeWebhook(deletion: { (_) throws(TelegramError) in throw .unauthorized })
        #expect(await (try keeper(api, Lease(end: .now + .seconds(600)))).withdraw() == .withdrawn)
    }
}
