import Broker
import FleetModel
import Logging
import Store
import Synchronization
import TelegramAPI
import Testing

@testable import Gateway

/// A queue that answers when a test lets it.
private final class HeldQueue: UpdateSink {
    private struct State {
        var published: [[UInt8]] = []
        var held: [CheckedContinuation<Void, Never>] = []
        var isHolding: Bool
    }
    private let state: Mutex<State>
    private let outcome: PublishOutcome

    init(holding: Bool = false, _ outcome: PublishOutcome = .confirmed) {
        state = Mutex(State(isHolding: holding))
        self.outcome = outcome
    }

    var published: [[UInt8]] { state.withLock { $0.published } }

    func publish(_ updates: [ReceivedUpdate], of bot: BotSpec) async throws(BrokerError) -> [PublishOutcome] {
        await withCheckedContinuation { continuation in
            let isHeld = state.withLock { state in
                state.published += updates.map(\.body)
                if state.isHolding { state.held.append(continuation) }
                return state.isHolding
            }
            if !isHeld { continuation.resume() }
        }
        return updates.map { _ in outcome }
    }

    func letGo() {
        let held = state.withLock { state in
            state.isHolding = false
            defer { state.held = [] }
            return state.held
        }
        for continuation in held { continuation.resume() }
    }
}

@Suite(.timeLimit(.minutes(1))) struct WebhookIntakeTests {
    private let counters = GatewayCounters()

    private func intake(
        _ sink: any UpdateSink, _ change: (inout WebhookConfiguration) -> Void = { _ in }
    ) throws -> WebhookIntake {
        var configuration = try #require(WebhookConfiguration(publicURL: "https://bots.example/hooks"))
        change(&configuration)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let intake = WebhookIntake(configuration, sink: sink, counters: counters, logger: logger)
        let bot = BotSpec(id: try #require(BotID("b")), behaviour: "echo", intake: .webhook)
        let record = try #require(WebhookRecord(path: "p4th", sealedSecret: []))
        intake.update([WebhookRoute(bot: bot, record: record, secret: Secret("s3cret"))])
        return intake
    }

    private func status(
        _ intake: WebhookIntake, path: String = "/hooks/p4th", secret: String? = "s3cret",
        body: String = #"{"update_id":1}"#
    ) async -> Int {
        do throws(WebhookRefusal) {
            try await intake.take(path: path[...], secret: secret) { () throws(WebhookRefusal) in Array(body.utf8) }
            return 200
        } catch {
            return error.rawValue
        }
    }

    @Test func aConfirmedUpdateIsTakenAsItCame() async throws {
        let queue = HeldQueue()
        let intake = try intake(queue)
        #expect(await status(intake, body: " {\"update_id\": 7} ") == 200)
        // The worker dead-letters it with the reason; refused here, it would come again for ever.
        #expect(await status(intake, body: "no JSON") == 200)
        #expect(queue.published == [Array(" {\"update_id\": 7} ".utf8), Array("no JSON".utf8)])
        #expect(counters.snapshot.requestsTaken == 2)
    }

    @Test(arguments: [nil, "", "s3cre", "s3crets", "S3cret", " s3cret", String(repeating: "s", count: 300)])
    func aWrongSecretIs401AndItsBodyIsNotRead(_ secret: String?) async throws {
        let queue = HeldQueue()
        let intake = try intake(queue)
        let error = await #expect(throws: WebhookRefusal.self) {
            try await intake.take(path: "/hooks/p4th", secret: secret) { () throws(WebhookRefusal) in
                Issue.record("the body was read")
                return []
            }
        }
        #expect(error == .unauthorized)
        #expect(queue.published.isEmpty && counters.snapshot.requestsForeign == 1)
    }

    @Test(arguments: ["", "/", "/hooks", "/hooks/", "/hooks/p4t", "/hooks/p4th/", "/other/p4th", "/hooks/hooks/p4th"])
    func anUnknownPathIs404(_ path: String) async throws {
        #expect(await status(try intake(HeldQueue()), path: path) == 404)
    }

    @Test func aProxyMayTakeThePrefixAway() async throws {
        #expect(await status(try intake(HeldQueue()), path: "/p4th") == 200)
    }

    @Test(arguments: [PublishOutcome.nacked, .unknown, .unsent, .returned(code: 312, text: "NO_ROUTE")])
    func whatIsNotConfirmedIs503(_ outcome: PublishOutcome) async throws {
        #expect(await status(try intake(HeldQueue(outcome))) == 503)
        #expect(counters.snapshot.requestsRefused == 1)
    }

    @Test func aBrokerThatSaysNothingIs503AndTheRequestsEnd() async throws {
        let queue = HeldQueue(holding: true)
        let intake = try intake(queue) {
            $0.answerDeadline = .milliseconds(20)
            $0.maximumRequests = 1
        }
        #expect(await status(intake, body: "first") == 503)
        // The first is still out: the second waits for it in vain, and is never published.
        #expect(await status(intake, body: "second") == 503)
        queue.letGo()
        #expect(await status(intake, body: "third") == 200)
        #expect(queue.published.map { String(decoding: $0, as: UTF8.self) } == ["first", "third"])
    }

    @Test func moreRequestsThanAllowedAre503() async throws {
        let queue = HeldQueue(holding: true)
        let intake = try intake(queue) { $0.maximumRequests = 2 }
        async let one = status(intake)
        async let two = status(intake)
        while counters.snapshot.updatesReceived < 2 { await Task.yield() }
        #expect(await status(intake) == 503)
        queue.letGo()
        #expect(await [one, two] == [200, 200])
        #expect(await status(intake) == 200)
    }

    @Test func aBotThatIsNoLongerListedIsUnknown() async throws {
        let intake = try intake(HeldQueue())
        intake.update([])
        #expect(await status(intake) == 404)
    }

    @Test(arguments: [
        ("https://bots.example", "https://bots.example/p"), ("https://bots.example/", "https://bots.example/p"),
        ("http://127.0.0.1:8080/a/b//", "http://127.0.0.1:8080/a/b/p"),
    ])
    func whatTelegramCalls(_ given: String, _ expected: String) throws {
        let configuration = try #require(WebhookConfiguration(publicURL: given))
        #expect(configuration.url(of: "p") == expected)
    }

    @Test(arguments: [
        "", "bots.example", "ftp://x", "https://", "https:///p", "https://u:p@x", "https://x?y", "https://x y",
    ])
    func whatIsNoAddress(_ text: String) { #expect(WebhookConfiguration(publicURL: text) == nil) }

    @Test func pathsAndSecretsAreLongAndNew() {
        #expect(WebhookRoute.randomPath().utf8.count == 32)
        #expect(WebhookRoute.randomSecret().reveal().utf8.count == 64)
        #expect(Set((0..<100).map { _ in WebhookRoute.randomPath() }).count == 100)
    }
}
