import FleetModel
import FleetTesting
import Foundation
import Store
import Testing

/// Handlers that end their process, and processes that are ended from outside.
@Suite(.timeLimit(.minutes(3))) struct WorkerCrashTests {
    @Test(arguments: ["trap", "exit"])
    func theUpdateThatEndsItsWorkerIsDeadLetteredAndItsNeighboursSettleInOrder(_ how: String) async throws {
        try await WorkerFixture.with(behaviour: "trouble", config: ["retry.base_ms": .int(50)]) { fixture in
            let poison: Int64 = 150
            try await fixture.inject(
                (1...400).map {
                    WorkerFixture.message($0, chat: 1 + $0 % 10, text: $0 == poison ? how : nil)
                })
            var deaths = 0
            var worker = try await fixture.startWorker("a", program: "TroubleWorker")
            // A supervisor: what dies is started again.
            while try await !fixture.settles(400, within: .milliseconds(500)), deaths < 10 {
                guard worker.hasEnded else { continue }
                deaths += 1
                worker = try await fixture.startWorker("a", program: "TroubleWorker")
            }
            #expect(deaths == 1, "\(worker.stderr)")
            try await fixture.expectExactlyOnce(1...400, chats: 10, repeats: 100, dead: [poison])
            let letter = try #require(try await fixture.database.deadLetters(DeadLetterFilter(bot: fixture.bot)).first)
            #expect(letter.attempts == 3 && letter.updateID == poison)
            #expect(try await fixture.scalar("SELECT count(*) FROM dead_letter WHERE kind = 'crash'") == 1)
            #expect(letter.reason.contains("crashed its worker 3 times"), "\(letter.reason)")
        }
    }

    @Test func threeKillsInARowConvictNobody() async throws {
        try await WorkerFixture.with(behaviour: "trouble", config: ["handler.attempts": .int(3)]) { fixture in
            // Every seventh takes a while, so that some are always at work when the worker is killed.
            try await fixture.inject(
                (1...2000).map {
                    WorkerFixture.message($0, chat: 1 + $0 % 50, text: $0 % 7 == 0 ? "sleep 20 \($0)" : nil)
                })
            for part in 1...3 {
                let worker = try await fixture.startWorker("a", program: "TroubleWorker")
                #expect(
                    try await eventually { try await fixture.scalar("SELECT count(*) FROM inbox") > 200 * Int64(part) })
                worker.signal(SIGKILL)
                #expect(await worker.exit() == -SIGKILL)
            }
            let last = try await fixture.startWorker("a", program: "TroubleWorker")
            #expect(try await fixture.settles(2000), "\(last.stderr)")
            try await fixture.expectExactlyOnce(1...2000, chats: 50, repeats: 600)
        }
    }

    @Test func aWorkerThatIsKilledTakesItsTrialsWithIt() async throws {
        try await WorkerFixture.with(behaviour: "trouble", config: ["park.after_ms": .int(600_000)]) { fixture in
            try await fixture.inject([WorkerFixture.message(1, chat: 1, text: "sleep 60000")])
            let first = try await fixture.startWorker("a", program: "TroubleWorker")
            #expect(try await eventually { try await fixture.scalar("SELECT count(*) FROM lane") == 1 })
            first.signal(SIGKILL)
            #expect(await first.exit() == -SIGKILL)
            let second = try await fixture.startWorker("a", program: "TroubleWorker")
            #expect(try await eventually { !children(of: second.pid).isEmpty }, "\(second.stderr)")
            let trials = children(of: second.pid)
            second.signal(SIGKILL)
            #expect(try await eventually { trials.allSatisfy { kill($0, 0) != 0 } })
        }
    }

    private func children(of pid: Int32) -> [Int32] {
        let text = try? String(contentsOfFile: "/proc/\(pid)/task/\(pid)/children", encoding: .utf8)
        let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task")) ?? []
        let all = threads.compactMap {
            try? String(contentsOfFile: "/proc/\(pid)/task/\($0)/children", encoding: .utf8)
        }
        return (all + [text ?? ""]).flatMap { $0.split(separator: " ").compactMap { Int32($0) } }
    }
}
