import FleetModel
import FleetTesting
import Foundation
import Store
import Testing

/// An owner that hangs (SIGSTOP) loses its lanes to the standby, and when it goes on it neither commits nor begins a
/// send for them.
@Suite(.timeLimit(.minutes(4))) struct PausedOwnerTests {
    @Test(arguments: [1, 2]) func aHungOwnerLosesItsLanesAndDoesNothingAfterwards(lanes: Int) async throws {
        let config: [String: ConfigValue] = ["send.concurrency": .int(4), "send.timeout_ms": .int(8000)]
        try await WorkerFixture.with(lanes: lanes, config: config) { fixture in
            let numbers = (lanes > 1 ? -1 : 0)..<Int32(lanes)
            try await fixture.assign(
                Dictionary(uniqueKeysWithValues: numbers.map { ($0, (owner: "a", standby: "b")) }))
            let owner = try await fixture.startWorker("a")
            try await fixture.inject(count: 200, chats: 40)
            #expect(try await fixture.settles(200), "\(owner.stderr)")
            let standby = try await fixture.startWorker("b")
            #expect(try await eventually { try await fixture.scalar("SELECT count(*) FROM worker") == 2 })
            // So that there is something committed and not sent when the owner is stopped.
            try await fixture.simulator.fault(#"{"kind":"delay","ms":100,"count":500}"#)
            try await fixture.inject(first: 201, count: 2000, chats: 40)
            #expect(try await eventually { try await fixture.scalar("SELECT count(*) FROM outbox") > 100 })

            owner.signal(SIGSTOP)
            let stoppedAt = ContinuousClock.now
            let taken = "SELECT count(*) FROM lane WHERE number >= 0 AND owner_name = '\(fixture.name("b"))'"
            #expect(try await eventually { try await fixture.scalar(taken) == Int64(lanes) }, "\(standby.stderr)")
            print("\(lanes) lanes of a hung owner were taken over after \(ContinuousClock.now - stoppedAt)")

            let left = try await Self.unsentOfPredecessors(fixture)
            #expect(left.count > 50, "the owner left too little unsent to show anything")
            let before = try await Self.sends(of: left, fixture)
            owner.signal(SIGCONT)
            #expect(await owner.writes("subscription lost"))
            // The successor holds them back for as long as they might be on their way; its own replies go out.
            let more = try await eventually(within: .seconds(2)) {
                try await Self.sends(of: left, fixture) > before + 4 * lanes
            }
            #expect(!more, "the owner has begun sends after it had lost the lane")

            #expect(try await fixture.settles(2200, within: .seconds(120)), "\(owner.stderr)\(standby.stderr)")
            try await fixture.expectExactlyOnce(1...2200, chats: 40, repeats: 8 * lanes)
        }
    }

    /// Updates whose replies a predecessor of the lanes' present owners has committed and not sent.
    private static func unsentOfPredecessors(_ fixture: WorkerFixture) async throws -> Set<Int64> {
        let rows = try await fixture.database.query(
            Statement(
                "",
                """
                SELECT outbox.update_id FROM outbox JOIN lane ON lane.id = outbox.lane_id
                WHERE outbox.seq >> 32 < lane.term
                """))
        return Set(rows.compactMap { $0.int64(0) })
    }

    private static func sends(of updates: Set<Int64>, _ fixture: WorkerFixture) async throws -> Int {
        try await fixture.simulator.sent(fixture.telegram).count { _, text in
            text.split(separator: " ").last.flatMap { Int64($0) }.map(updates.contains) ?? false
        }
    }
}
