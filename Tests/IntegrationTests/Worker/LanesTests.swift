import FleetModel
import FleetTesting
import Foundation
import Store
import Testing

@Suite(.timeLimit(.minutes(4))) struct LanesTests {
    @Test func fourLanesOnTwoWorkersKeepOrderWhenOneIsKilled() async throws {
        try await WorkerFixture.with(lanes: 4) { fixture in
            try await fixture.assign([
                -1: ("a", "b"), 0: ("a", "b"), 1: ("a", "b"), 2: ("b", "a"), 3: ("b", "a"),
            ])
            let first = try await fixture.startWorker("a")
            let second = try await fixture.startWorker("b")
            // Whoever subscribed first works first; in the end each lane is at its owner.
            let sent = try await fixture.inject(
                first: 1, chats: 40,
                batchesUntil: {
                    try await fixture.laneOwners() == [fixture.name("a"), fixture.name("b")]
                })
            try await fixture.inject(first: sent + 1, count: 3500, chats: 40)
            #expect(
                try await eventually { try await fixture.scalar("SELECT count(*) FROM inbox") > sent + 500 },
                "\(first.stderr)\(second.stderr)")
            first.signal(SIGKILL)
            #expect(try await fixture.settles(sent + 3500), "\(second.stderr)")
            try await fixture.expectExactlyOnce(1...sent + 3500, chats: 40, repeats: 300)
        }
    }

    @Test func aFleetWithoutAssignmentsServesEveryLane() async throws {
        try await WorkerFixture.with(lanes: 3) { fixture in
            let worker = try await fixture.startWorker("a")
            let bad: [[UInt8]] = [Array("{not json".utf8), []]
            try await fixture.inject(bad + (1...1000).map { WorkerFixture.message($0, chat: 1 + $0 % 30) })
            #expect(try await fixture.settles(1000), "\(worker.stderr)")
            #expect(try await eventually { try await fixture.scalar("SELECT count(*) FROM dead_letter") == 2 })
            try await fixture.expectExactlyOnce(1...1000, chats: 30)
        }
    }

    @Test func theNumberOfLanesChangesUnderLoad() async throws {
        try await WorkerFixture.with { fixture in
            try await fixture.assign([0: ("a", "b")])
            let first = try await fixture.startWorker("a")
            let second = try await fixture.startWorker("b")
            let load = Task {
                for part in 0..<80 as Range<Int64> {
                    try await fixture.inject(first: 1 + part * 100, count: 100, chats: 40)
                    try await Task.sleep(for: .milliseconds(100))
                }
            }
            let inbox = "SELECT count(*) FROM inbox"
            #expect(try await eventually { try await fixture.scalar(inbox) > 500 })
            _ = try await fixture.changeLanes(
                to: 4,
                assigning: [-1: ("a", "b"), 0: ("a", "b"), 1: ("a", "b"), 2: ("b", "a"), 3: ("b", "a")])
            var reached = try await fixture.scalar(inbox)
            #expect(try await eventually { try await fixture.scalar(inbox) > reached + 1000 }, "\(first.stderr)")
            _ = try await fixture.changeLanes(to: 2, assigning: [-1: ("b", "a"), 0: ("a", "b"), 1: ("b", "a")])
            reached = try await fixture.scalar(inbox)
            #expect(try await eventually { try await fixture.scalar(inbox) > reached + 1000 }, "\(first.stderr)")
            let last = try await fixture.changeLanes(to: 1, assigning: [0: ("b", "a")])
            #expect(last == LaneLayout(bot: fixture.bot, epoch: 3, lanes: 1))
            try await load.value
            #expect(try await fixture.settles(8000), "\(first.stderr)\(second.stderr)")
            try await fixture.expectExactlyOnce(1...8000, chats: 40)
        }
    }

    /// The mover is stopped while the layout changes twice under it. When it goes on, nothing of what it still does
    /// counts, and the queues that went do not come back.
    @Test func aMoverThatWakesAfterItsEpochChangesNothing() async throws {
        try await WorkerFixture.with(lanes: 2) { fixture in
            try await fixture.assign([-1: ("m", "l"), 0: ("l", nil), 1: ("l", nil)])
            let mover = try await fixture.startWorker("m")
            let lanes = try await fixture.startWorker("l")
            try await fixture.inject(count: 3000, chats: 40)
            #expect(try await eventually { try await fixture.scalar("SELECT count(*) FROM inbox") > 300 })
            mover.signal(SIGSTOP)
            let old = try await fixture.database.laneLayout(of: fixture.bot)
            let one = try await fixture.changeLanes(to: 1, assigning: [0: ("l", nil)])
            try await fixture.inject(first: 3001, count: 1000, chats: 40)
            #expect(try await fixture.settles(4000, within: .seconds(120)), "\(lanes.stderr)")
            mover.signal(SIGCONT)
            // It is there again, and knows the layout.
            try await fixture.inject(first: 4001, count: 1000, chats: 40)
            #expect(try await fixture.settles(5000), "\(lanes.stderr)")
            mover.signal(SIGTERM)
            #expect(await mover.exit() == 0, "\(mover.stderr)")
            try await fixture.expectExactlyOnce(1...5000, chats: 40)
            #expect(try await fixture.database.laneLayout(of: fixture.bot) == one)
            for key in old.keys {
                let queue = FleetTopology.queue(of: key, laneCount: old.lanes)
                #expect(try await !fixture.exists(queue), "\(queue) came back")
            }
        }
    }

    @Test func aMoverKilledInTheMiddleLosesAndReordersNothing() async throws {
        try await WorkerFixture.with(lanes: 3) { fixture in
            try await fixture.assign([-1: ("m", nil), 0: ("l", nil), 1: ("l", nil), 2: ("l", nil)])
            let lanes = try await fixture.startWorker("l")
            try await fixture.inject(count: 6000, chats: 25)
            for part in 1...3 as ClosedRange<Int64> {
                let mover = try await fixture.startWorker("m")
                #expect(
                    try await eventually { try await fixture.scalar("SELECT count(*) FROM inbox") > 700 * part },
                    "\(mover.stderr)")
                mover.signal(SIGKILL)
                #expect(await mover.exit() == -SIGKILL)
            }
            let mover = try await fixture.startWorker("m")
            #expect(try await fixture.settles(6000), "\(mover.stderr)\(lanes.stderr)")
            try await fixture.expectExactlyOnce(1...6000, chats: 25)
            #expect(try await fixture.holder(-1)?.term ?? 0 >= 2)
        }
    }

    @Test func anOwnerThatComesBackGetsItsLaneAndTheStandbyWaitsAgain() async throws {
        try await WorkerFixture.with { fixture in
            try await fixture.assign([0: ("a", "b")])
            let standby = try await fixture.startWorker("b")
            try await fixture.inject(count: 100, chats: 10)
            #expect(try await fixture.settles(100), "\(standby.stderr)")
            #expect(try await fixture.holder(0)?.name == fixture.name("b"))
            let owner = try await fixture.startWorker("a")
            let load = Task {
                for part in 0..<100 as Range<Int64> {
                    try await fixture.inject(first: 101 + part * 20, count: 20, chats: 10)
                    try await Task.sleep(for: .milliseconds(200))
                }
            }
            #expect(await standby.writes("the lane's owner is there"))
            #expect(try await eventually { try await fixture.holder(0)?.name == fixture.name("a") }, "\(owner.stderr)")
            try await load.value
            #expect(try await fixture.settles(2100), "\(owner.stderr)\(standby.stderr)")
            try await fixture.expectExactlyOnce(1...2100, chats: 10)
            // The owner never leaves.
            #expect(try await fixture.holder(0)?.name == fixture.name("a"))
            owner.signal(SIGKILL)
            try await fixture.inject(first: 2101, count: 100, chats: 10)
            #expect(try await fixture.settles(2200), "\(standby.stderr)")
        }
    }

    /// All updates are acked, so nothing in the queue tells the next owner that there is something to do.
    @Test(arguments: [false, true]) func repliesLeftBehindAnEmptyQueueAreSent(byStandby: Bool) async throws {
        try await WorkerFixture.with(config: ["send.concurrency": .int(2)]) { fixture in
            try await fixture.assign([0: ("a", "b")])
            let owner = try await fixture.startWorker("a")
            try await fixture.inject(count: 1, chats: 1)
            #expect(try await fixture.settles(1), "\(owner.stderr)")
            var other: BuiltProcess?
            if byStandby {
                other = try await fixture.startWorker("b")
                #expect(await other?.writes("subscribed") == true)
            }
            try await fixture.simulator.fault(#"{"kind":"delay","ms":1000,"count":10}"#)
            try await fixture.inject(first: 2, count: 50, chats: 50)
            #expect(try await eventually { try await fixture.scalar("SELECT count(*) FROM inbox") == 51 })
            owner.signal(SIGKILL)
            #expect(await owner.exit() == -SIGKILL)
            #expect(try await fixture.scalar("SELECT count(*) FROM outbox") > 10)
            if !byStandby { other = try await fixture.startWorker("a") }
            #expect(try await fixture.settles(51), "\(other?.stderr ?? "")")
            try await fixture.expectExactlyOnce(1...51, chats: 51, repeats: 2)
        }
    }
}
