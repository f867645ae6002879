import FleetModel
import FleetTesting
import Logging
import Store
import Testing

/// Shares of a bot's rate, leased by several workers through the database.
@Suite(.timeLimit(.minutes(2))) struct FloodShareTests {
    private let bot = BotID("alpha") ?? { preconditionFailure("a valid id") }()

    @Test func twoClientsNeverGetMoreThanTheRate() async throws {
        try await TestDatabase.with { first in
            try await TestDatabase.addBot(first, bot, lanes: 2)
            let second = try Database(first.configuration, logger: Logger(label: "second"))
            let workers = [Incarnation(rawValue: "a"), Incarnation(rawValue: "b")]
            // Both want everything, at the same moment, again and again.
            for _ in 0..<30 {
                async let one = first.leaseFloodShare(
                    bot: bot, worker: workers[0], demand: 10, wanted: Double.random(in: 0...40), rate: 30)
                async let two = second.leaseFloodShare(
                    bot: bot, worker: workers[1], demand: 10, wanted: Double.random(in: 0...40), rate: 30)
                for answer in [try await one, try await two] {
                    #expect(answer.rows.map(\.share).reduce(0, +) <= 30.001, "\(answer.rows)")
                }
            }
            await second.shutdown()
        }
    }

    @Test func eachSeesTheOthersDemandAndWhatIsLeft() async throws {
        try await TestDatabase.with { database in
            try await TestDatabase.addBot(database, bot, lanes: 2)
            let (a, b) = (Incarnation(rawValue: "a"), Incarnation(rawValue: "b"))
            let alone = try await database.leaseFloodShare(bot: bot, worker: a, demand: 7, wanted: 30, rate: 30)
            #expect(alone.rows == [FloodShareRow(worker: a, demand: 7, share: 30)])
            let late = try await database.leaseFloodShare(bot: bot, worker: b, demand: 2.5, wanted: 15, rate: 30)
            #expect(late.rows.map(\.share) == [30, 0])
            #expect(late.rows.map(\.demand) == [7, 2.5])
            _ = try await database.leaseFloodShare(bot: bot, worker: a, demand: 7, wanted: 22, rate: 30)
            let later = try await database.leaseFloodShare(bot: bot, worker: b, demand: 2.5, wanted: 15, rate: 30)
            #expect(later.rows.map(\.share) == [22, 8])
        }
    }

    @Test func aBlockOfTheBotReachesTheOthers() async throws {
        try await TestDatabase.with { database in
            try await TestDatabase.addBot(database, bot, lanes: 2)
            let (a, b) = (Incarnation(rawValue: "a"), Incarnation(rawValue: "b"))
            _ = try await database.leaseFloodShare(
                bot: bot, worker: a, demand: 1, wanted: 15, rate: 30, blocked: .seconds(20))
            let told = try await database.leaseFloodShare(bot: bot, worker: b, demand: 1, wanted: 15, rate: 30)
            #expect(told.blocked > .seconds(15) && told.blocked <= .seconds(20))
        }
    }

    @Test func aWorkerThatNoLongerRenewsLeavesItsShare() async throws {
        try await TestDatabase.with { database in
            try await TestDatabase.addBot(database, bot, lanes: 2)
            let (a, b) = (Incarnation(rawValue: "a"), Incarnation(rawValue: "b"))
            _ = try await database.leaseFloodShare(bot: bot, worker: a, demand: 1, wanted: 30, rate: 30)
            _ = try await database.query(
                Statement("", "UPDATE flood_share SET renewed_at = renewed_at - interval '3 seconds'"))
            let left = try await database.leaseFloodShare(bot: bot, worker: b, demand: 1, wanted: 30, rate: 30)
            #expect(left.rows == [FloodShareRow(worker: b, demand: 1, share: 30)])
        }
    }
}

/// What the outbox's columns for sending hold, and blocked chats.
@Suite(.timeLimit(.minutes(2))) struct SendRecordTests {
    private func row(_ seq: Int64, chat: Int64, priority: SendPriority = .reply) -> OutboxRow {
        OutboxRow(
            seq: seq, updateID: seq, conversation: chat, method: "sendMessage", body: [UInt8(seq)], priority: priority)
    }

    private func withLane(_ body: (Database, LaneClaim) async throws -> Void) async throws {
        let bot = try #require(BotID("alpha"))
        try await TestDatabase.with { database in
            try await TestDatabase.addBot(database, bot)
            try await body(database, try await database.claimLane(LaneKey(bot: bot), worker: WorkerIdentity(name: "w")))
        }
    }

    @Test func priorityAndBeginningAreReadBack() async throws {
        try await withLane { database, lane in
            var settlement = Settlement()
            settlement.send(row(1, chat: 10))
            settlement.send(row(2, chat: 20, priority: .bulk))
            settlement.send(row(3, chat: 10, priority: .payment))
            try await database.settle(settlement, lane: lane)
            try await database.beginSends(lane, seqs: [2, 3])
            let all = try await database.unsentOutbox(lane: lane, limit: 10)
            #expect(all.map(\.priority) == [.reply, .bulk, .payment])
            #expect(all.map(\.isBegun) == [false, true, true])
            let some = try await database.unsentOutbox(lane: lane, limit: 10, conversations: [10, 30])
            #expect(some.map(\.seq) == [1, 3])
        }
    }

    @Test func aFencedOwnerBeginsNothing() async throws {
        try await withLane { database, stale in
            var settlement = Settlement()
            settlement.send(row(1, chat: 10))
            try await database.settle(settlement, lane: stale)
            let lane = try await database.claimLane(stale.key, worker: WorkerIdentity(name: "v"))
            let error = await #expect(throws: StoreError.self) { try await database.beginSends(stale, seqs: [1]) }
            #expect(error?.code == .fenced)
            #expect(try await database.unsentOutbox(lane: lane, limit: 10).map(\.isBegun) == [false])
        }
    }

    @Test func aBlockIsRecalledWithTheSessionsAndLifted() async throws {
        try await withLane { database, lane in
            var settlement = Settlement()
            settlement.setSession(conversation: 10, state: [1])
            settlement.block(conversation: 10, reason: "blocked")
            settlement.block(conversation: 20, reason: "gone")
            try await database.settle(settlement, lane: lane)
            let recalled = try await database.recall(bot: lane.key.bot, updates: [], conversations: [10, 20, 30])
            #expect(recalled.sessions == [10: [1]])
            #expect(recalled.blocked == [10, 20])
            var lift = Settlement()
            lift.unblock(conversation: 10)
            lift.block(conversation: 20, reason: "gone for good")
            try await database.settle(lift, lane: lane)
            #expect(try await database.chatBlocks(bot: lane.key.bot, conversations: [10, 20]) == [20: "gone for good"])
        }
    }

    @Test func aClaimSaysHowLongThePreviousOwnerHadTheLane() async throws {
        try await withLane { database, first in
            #expect(first.previousClaimAge == nil)
            _ = try await database.query(
                Statement("", "UPDATE lane SET claimed_at = claimed_at - interval '10 seconds'"))
            let second = try await database.claimLane(first.key, worker: WorkerIdentity(name: "v"))
            let age = try #require(second.previousClaimAge)
            #expect(age >= .seconds(10) && age < .seconds(60))
        }
    }
}
