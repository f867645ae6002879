import Broker
import FleetModel
import FleetTesting
import Foundation
import Store
import Testing

/// Chats whose updates wait in the database, with real workers and servers.
@Suite(.timeLimit(.minutes(3))) struct WorkerParkingTests {
    private let config: [String: ConfigValue] = [
        "retry.base_ms": .int(100), "retry.max_ms": .int(1000), "handler.attempts": .int(20),
        "park.after_ms": .int(200),
    ]

    /// In `seconds`, as a handler is told it.
    private func moment(_ seconds: Int64) -> Int64 { Timestamp.now.milliseconds + 1000 * seconds }

    private func answers(_ fixture: WorkerFixture, chat: Int64) async throws -> [Int64] {
        try await fixture.simulator.sent(fixture.telegram).filter { $0.chat == chat }.compactMap {
            $0.text.split(separator: " ").last.flatMap { Int64($0) }
        }
    }

    @Test func aParkedChatOutlivesItsWorkerAndKeepsItsOrder() async throws {
        try await WorkerFixture.with(behaviour: "trouble", config: config) { fixture in
            let first = try await fixture.startWorker("a", program: "TroubleWorker")
            #expect(try await eventually { try await fixture.scalar("SELECT count(*) FROM worker") == 1 })
            let failing = WorkerFixture.message(1, chat: 1, text: "fail until \(moment(5)) 1")
            try await fixture.inject([failing] + (2...40).map { WorkerFixture.message($0, chat: 1 + $0 % 2) })
            let waits = "SELECT count(*) FROM waiting"
            #expect(try await eventually { try await fixture.scalar(waits) == 21 }, "\(first.stderr)")
            #expect(try await eventually { try await fixture.scalar("SELECT count(*) FROM inbox") == 19 })
            // Published again while they wait: no second row, no second effect.
            try await fixture.inject([failing, WorkerFixture.message(4, chat: 1), WorkerFixture.message(41, chat: 2)])
            #expect(try await eventually { try await fixture.scalar("SELECT count(*) FROM inbox") == 20 })
            #expect(try await eventually { try await isEmpty(fixture) })
            #expect(try await fixture.scalar(waits) == 21)
            first.signal(SIGKILL)
            #expect(await first.exit() == -SIGKILL)
            let second = try await fixture.startWorker("b", program: "TroubleWorker")
            try await fixture.inject((42...50).map { WorkerFixture.message($0, chat: 1) })
            #expect(try await fixture.settles(50), "\(second.stderr)")
            try await fixture.expectExactlyOnce(1...50, chats: 2, repeats: 20)
            #expect(try await answers(fixture, chat: 1).first == 1)
        }
    }

    /// Everything that was published is acked, although it waits.
    private func isEmpty(_ fixture: WorkerFixture) async throws -> Bool {
        let channel = try await fixture.link.connection().openChannel()
        let status = try await channel.queueStatus(FleetTopology.intakeQueue(of: fixture.bot))
        await channel.close()
        return status.messages == 0
    }

    @Test func withoutOrderOnlyTheFailedUpdateWaits() async throws {
        var config = config
        config["retry.keep_order"] = .bool(false)
        try await WorkerFixture.with(behaviour: "trouble", config: config) { fixture in
            let worker = try await fixture.startWorker("a", program: "TroubleWorker")
            #expect(try await eventually { try await fixture.scalar("SELECT count(*) FROM worker") == 1 })
            let failing = WorkerFixture.message(1, chat: 1, text: "fail until \(moment(4)) 1")
            try await fixture.inject([failing] + (2...10).map { WorkerFixture.message($0, chat: 1) })
            #expect(try await fixture.settles(10), "\(worker.stderr)")
            #expect(try await answers(fixture, chat: 1) == [2, 3, 4, 5, 6, 7, 8, 9, 10, 1])
            #expect(try await fixture.scalar("SELECT count(*) FROM waiting") == 0)
        }
    }

    @Test func aSlowHandlerHoldsNothingButItsChatAndIsRunAgainAfterAKill() async throws {
        try await WorkerFixture.with(behaviour: "trouble", config: config) { fixture in
            let first = try await fixture.startWorker("a", program: "TroubleWorker")
            let slow = WorkerFixture.message(1, chat: 1, text: "sleep 3000 1")
            try await fixture.inject([slow] + (2...20).map { WorkerFixture.message($0, chat: 1 + $0 % 2) })
            #expect(
                try await eventually { try await fixture.scalar("SELECT count(*) FROM waiting") == 11 },
                "\(first.stderr)")
            #expect(try await eventually { try await isEmpty(fixture) })
            first.signal(SIGKILL)
            #expect(await first.exit() == -SIGKILL)
            let second = try await fixture.startWorker("b", program: "TroubleWorker")
            // The broker has nothing to deliver, so nothing tells the second worker that the lane is its.
            #expect(try await fixture.settles(20), "\(second.stderr)")
            try await fixture.expectExactlyOnce(1...20, chats: 2, repeats: 20)
        }
    }

    @Test func anUpdateThatNeverSucceedsIsDeadLetteredAndItsChatGoesOn() async throws {
        var config = config
        config["handler.attempts"] = .int(3)
        try await WorkerFixture.with(behaviour: "trouble", config: config) { fixture in
            let worker = try await fixture.startWorker("a", program: "TroubleWorker")
            try await fixture.inject(
                (1...20).map { WorkerFixture.message($0, chat: 1 + $0 % 2, text: $0 == 5 ? "fail" : nil) })
            #expect(try await fixture.settles(20), "\(worker.stderr)")
            try await fixture.expectExactlyOnce(1...20, chats: 2, dead: [5])
            let letter = try #require(try await fixture.database.deadLetters(DeadLetterFilter(bot: fixture.bot)).first)
            #expect(letter.attempts == 3 && letter.reason == "told to fail")
        }
    }

    @Test func queriesThatNobodyWaitsForSettleWithoutWork() async throws {
        try await WorkerFixture.with(behaviour: "menu") { fixture in
            func press(_ id: Int64) -> [UInt8] {
                Array(#"{"update_id":\#(id),"callback_query":{"id":"q\#(id)","from":{"id":5},"data":"go:x"}}"#.utf8)
            }
            func received(_ secondsAgo: Int64) -> [String: AMQPValue] {
                [FleetTopology.receivedHeader: .int(Timestamp.now.milliseconds - 1000 * secondsAgo)]
            }
            try await fixture.inject([press(1)], headers: received(300))
            try await fixture.inject([press(2)], headers: received(0))
            try await fixture.inject([press(3)])
            // A clock that jumped.
            try await fixture.inject([press(4)], headers: received(-86_400))
            let worker = try await fixture.startWorker()
            #expect(try await fixture.settles(4), "\(worker.stderr)")
            #expect(try await fixture.scalar("SELECT sum(update_id)::bigint FROM inbox WHERE outcome = 3") == 1)
            #expect(try await fixture.scalar("SELECT count(*) FROM inbox WHERE outcome = 1") == 3)
        }
    }
}
