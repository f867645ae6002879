import FleetModel
import FleetTesting
import Foundation
import Store
import Testing

@Suite(.timeLimit(.minutes(3))) struct WorkerTests {
    @Test func everyUpdateTakesEffectOnceAndIsAnsweredInOrder() async throws {
        try await WorkerFixture.with { fixture in
            let worker = try await fixture.startWorker()
            try await fixture.inject(count: 2000, chats: 50)
            #expect(try await fixture.settles(2000), "\(worker.stderr)")
            try await fixture.expectExactlyOnce(1...2000, chats: 50)
        }
    }

    @Test func badInputStopsNobodyAndIsNotLost() async throws {
        try await WorkerFixture.with { fixture in
            let worker = try await fixture.startWorker()
            let large = String(repeating: "x", count: 1 << 20)
            let bodies: [[UInt8]] = [
                Array("{not json".utf8), [], Array("[]".utf8),
                Array(#"{"update_id":1,"message":{"chat":{"id":1},"text":"\#(large)"}}"#.utf8),
                Array(#"{"update_id":2,"telepathy":{"from":{"id":5}}}"#.utf8), Array(#"{"update_id":3}"#.utf8),
                Array(#"{"update_id":4,"inline_query":{"id":"1","from":{"id":5},"query":"","offset":""}}"#.utf8),
                WorkerFixture.message(5, chat: 9), WorkerFixture.message(5, chat: 9), [0xFF, 0xFE, 0x00],
            ]
            try await fixture.inject(bodies + [WorkerFixture.message(6, chat: 9)])
            #expect(try await fixture.settles(6), "\(worker.stderr)")
            #expect(try await eventually { try await fixture.scalar("SELECT count(*) FROM dead_letter") == 4 })
            #expect(try await fixture.scalar("SELECT count(*) FROM dead_letter WHERE reason = ''") == 0)
            let sent = try await fixture.simulator.sent(fixture.telegram)
            #expect(sent.filter { $0.chat == 9 }.map(\.text) == ["You said: 5", "You said: 6"])
            // Settled again much later, a duplicate still has no effect.
            try await fixture.inject([WorkerFixture.message(5, chat: 9), WorkerFixture.message(7, chat: 9)])
            #expect(try await fixture.settles(7), "\(worker.stderr)")
            #expect(try await fixture.simulator.sent(fixture.telegram).filter { $0.chat == 9 }.count == 3)
        }
    }

    @Test func aKilledWorkerLosesNothingAndRepeatsOnlyWhatWasOnItsWay() async throws {
        try await WorkerFixture.with { fixture in
            let first = try await fixture.startWorker("a")
            try await fixture.inject(count: 3000, chats: 40)
            #expect(try await eventually { try await fixture.scalar("SELECT count(*) FROM inbox") > 300 })
            first.signal(SIGKILL)
            #expect(await first.exit() == -SIGKILL)
            let second = try await fixture.startWorker("a")
            #expect(try await fixture.settles(3000), "\(second.stderr)")
            try await fixture.expectExactlyOnce(1...3000, chats: 40, repeats: 300)
        }
    }

    @Test func sigtermFinishesWhatIsBegunAndExitsWithZero() async throws {
        try await WorkerFixture.with { fixture in
            let first = try await fixture.startWorker("a")
            try await fixture.inject(count: 3000, chats: 40)
            #expect(try await eventually { try await fixture.scalar("SELECT count(*) FROM inbox") > 300 })
            first.signal(SIGTERM)
            #expect(await first.exit() == 0, "\(first.stderr)")
            #expect(try await fixture.scalar("SELECT count(*) FROM outbox") == 0)
            let second = try await fixture.startWorker("a")
            #expect(try await fixture.settles(3000), "\(second.stderr)")
            // Nothing was under way, so nothing may come twice.
            try await fixture.expectExactlyOnce(1...3000, chats: 40)
        }
    }

    @Test func lostDatabaseConnectionsAreSurvived() async throws {
        try await WorkerFixture.with { fixture in
            let worker = try await fixture.startWorker()
            try await fixture.inject(count: 3000, chats: 40)
            for part in 1...4 {
                #expect(
                    try await eventually { try await fixture.scalar("SELECT count(*) FROM inbox") > 300 * Int64(part) })
                #expect(
                    try await eventually {
                        try await fixture.scalar(
                            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = '\(fixture.bot)-w'"
                        ) > 0
                    })
            }
            #expect(try await fixture.settles(3000), "\(worker.stderr)")
            try await fixture.expectExactlyOnce(1...3000, chats: 40)
        }
    }

    @Test func aSecondWorkerWaitsItsTurnAndTakesOver() async throws {
        try await WorkerFixture.with { fixture in
            let first = try await fixture.startWorker("a")
            #expect(try await eventually { try await fixture.scalar("SELECT count(*) FROM worker") == 1 })
            try await fixture.inject(count: 1, chats: 1)
            #expect(try await fixture.settles(1), "\(first.stderr)")
            let second = try await fixture.startWorker("b")
            try await fixture.inject(first: 2, count: 1999, chats: 40)
            #expect(try await eventually { try await fixture.scalar("SELECT count(*) FROM inbox") > 300 })
            #expect(try await fixture.scalar("SELECT count(*) FROM lane WHERE term = 1 AND owner_name LIKE '%-a'") == 1)
            first.signal(SIGKILL)
            #expect(try await fixture.settles(2000), "\(second.stderr)")
            try await fixture.expectExactlyOnce(1...2000, chats: 40, repeats: 300)
        }
    }

    @Test func aFencedWorkerLeavesComesBackAndLosesNothing() async throws {
        try await WorkerFixture.with { fixture in
            let worker = try await fixture.startWorker()
            try await fixture.inject(count: 3000, chats: 40)
            for part in 1...3 {
                #expect(
                    try await eventually { try await fixture.scalar("SELECT count(*) FROM inbox") > 300 * Int64(part) })
                #expect(try await fixture.scalar("UPDATE lane SET term = term + 1 RETURNING term") > 0)
            }
            #expect(try await fixture.settles(3000), "\(worker.stderr)")
            try await fixture.expectExactlyOnce(1...3000, chats: 40)
            #expect(worker.stderr.contains("another worker owns the lane now"))
        }
    }

    @Test(arguments: [
        ("FLEET_DATABASE_URL", "postgres://nobody:wrong-password@127.0.0.1:1/none", "PostgreSQL"),
        ("FLEET_AMQP_URL", "", "FLEET_AMQP_URL"), ("FLEET_KEY_FILE", "/nonexistent/key", "/nonexistent/key"),
    ])
    func whatCannotStartSaysWhyInOneLine(_ name: String, _ value: String, _ expected: String) async throws {
        try await WorkerFixture.with { fixture in
            var environment = fixture.environment
            environment[name] = value
            environment["FLEET_LOG_LEVEL"] = "critical"
            let worker = try BuiltProcess(
                "bot-worker", ["--name", "x", "--bot", fixture.bot.rawValue, "--startup-seconds", "1"],
                environment: environment)
            #expect(await worker.exit() != 0)
            #expect(worker.stderr.contains(expected), "\(worker.stderr)")
            #expect(worker.stderr.split(separator: "\n").count == 1, "\(worker.stderr)")
            #expect(!worker.stderr.contains("wrong-password"))
        }
    }
}
