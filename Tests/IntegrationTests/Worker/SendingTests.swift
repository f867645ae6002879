import FleetModel
import FleetTesting
import Foundation
import Store
import Testing

/// What becomes of messages that Telegram refuses, or of which nobody knows what became.
@Suite(.timeLimit(.minutes(3))) struct SendingTests {
    private struct Ignored: Decodable {}

    private func block(_ fixture: WorkerFixture, user: Int64, _ isBlocked: Bool) async throws {
        let _: Ignored = try await fixture.simulator.post(
            "/sim/bots/\(fixture.telegram.id)/block", #"{"user":\#(user),"blocked":\#(isBlocked)}"#)
    }

    private func fault(_ fixture: WorkerFixture, _ rule: String) async throws {
        let _: Ignored = try await fixture.simulator.post("/sim/faults", rule)
    }

    @Test func aUserWhoBlockedTheBotIsLeftAloneUntilTheySpeak() async throws {
        try await WorkerFixture.with { fixture in
            try await fixture.simulator.say(fixture.telegram, [(chat: 1, text: "/start"), (chat: 2, text: "/start")])
            try await block(fixture, user: 1, true)
            let worker = try await fixture.startWorker()
            try await fixture.inject([WorkerFixture.message(1, chat: 1), WorkerFixture.message(2, chat: 2)])
            #expect(try await fixture.settles(2), "\(worker.stderr)")
            #expect(try await eventually { try await fixture.scalar("SELECT count(*) FROM chat_block") == 1 })
            #expect(try await fixture.scalar("SELECT conversation FROM chat_block") == 1)
            #expect(try await fixture.scalar("SELECT count(*) FROM event WHERE kind = 'send_refused'") == 1)
            try await block(fixture, user: 1, false)
            try await fixture.inject([WorkerFixture.message(3, chat: 1)])
            #expect(try await fixture.settles(3), "\(worker.stderr)")
            #expect(try await fixture.scalar("SELECT count(*) FROM chat_block") == 0)
            let sent = try await fixture.simulator.sent(fixture.telegram)
            #expect(sent.map(\.text).sorted() == ["You said: 2", "You said: 3"])
        }
    }

    @Test func aSendWhoseAnswerIsLostIsShownAndNotRepeated() async throws {
        try await WorkerFixture.with(config: ["send.ambiguous": .string("surface")]) { fixture in
            try await fault(fixture, #"{"kind":"drop","method":"sendMessage","skip":5,"count":3}"#)
            try await fault(fixture, #"{"kind":"internal_error","method":"sendMessage","skip":20,"count":2}"#)
            let worker = try await fixture.startWorker()
            try await fixture.inject(count: 100, chats: 10)
            #expect(try await fixture.settles(100), "\(worker.stderr)")
            #expect(try await fixture.scalar("SELECT count(*) FROM event WHERE kind = 'send_ambiguous'") == 3)
            // Telegram carried all of them out; none came twice.
            try await fixture.expectExactlyOnce(1...100, chats: 10)
        }
    }

    /// The process dies between Telegram's answers and their marks.
    @Test func whatADeadWorkerBeganIsShownAndNothingIsSentTwice() async throws {
        try await WorkerFixture.with(config: ["send.ambiguous": .string("surface")]) { fixture in
            let first = try await fixture.startWorker("a")
            try await fixture.inject(count: 2000, chats: 40)
            #expect(try await eventually { try await fixture.scalar("SELECT count(*) FROM inbox") > 300 })
            first.signal(SIGKILL)
            _ = await first.exit()
            let second = try await fixture.startWorker("a")
            #expect(try await fixture.settles(2000), "\(second.stderr)")
            let sent = try await fixture.simulator.sent(fixture.telegram).compactMap {
                $0.text.split(separator: " ").last.flatMap { Int64($0) }
            }
            #expect(Set(sent).count == sent.count, "\(sent.count - Set(sent).count) answers went out twice")
            let missing = Set(1...2000).subtracting(sent)
            let shown = try await fixture.database.query(
                Statement(
                    "", "SELECT (convert_from(data, 'UTF8')::json->>'update')::bigint FROM event WHERE kind = $1"
                ) { $0.add("send_ambiguous") }
            ).compactMap { $0.int64(0) }
            #expect(missing.isSubset(of: Set(shown)), "neither sent nor shown: \(missing.subtracting(shown))")
        }
    }
}
