import FleetModel
import FleetTesting
import Store
import Testing

@Suite(.timeLimit(.minutes(2))) struct StoreDeadLetterTests {
    private let alpha: BotID
    private let beta: BotID

    init() throws {
        alpha = try #require(BotID("alpha"))
        beta = try #require(BotID("beta"))
    }

    /// Two bots with the dead letters 1 (unreadable, alpha), 2 (handler, alpha), 3 (database, beta), 4 (crash, alpha).
    private func withLetters(_ body: (Database) async throws -> Void) async throws {
        try await TestDatabase.with { database in
            for (id, rows) in [
                (
                    alpha,
                    [
                        DeadLetterRow(updateID: nil, body: [0xFF, 0], reason: "not\0JSON", attempts: 0),
                        DeadLetterRow(updateID: 5, body: [1], reason: "Time out after 100% of it", attempts: 5),
                    ]
                ),
                (beta, [DeadLetterRow(updateID: 5, body: [2], reason: "refused", attempts: 1, kind: .database)]),
                (
                    alpha,
                    [
                        DeadLetterRow(
                            updateID: 5, body: [3], reason: "it crashed", attempts: 3, kind: .crash,
                            firstAt: Timestamp(milliseconds: 1000))
                    ]
                ),
            ] {
                if try await database.bot(id) == nil { try await TestDatabase.addBot(database, id) }
                let lane = try await database.claimLane(LaneKey(bot: id), worker: WorkerIdentity(name: "w"))
                var settlement = Settlement()
                for row in rows { settlement.deadLetter(row) }
                try await database.settle(settlement, lane: lane)
            }
            try await body(database)
        }
    }

    @Test func aFilterMeansThoseForWhichAllOfItHolds() async throws {
        try await withLetters { database in
            func numbers(_ change: (inout DeadLetterFilter) -> Void) async throws -> [Int64] {
                var filter = DeadLetterFilter()
                change(&filter)
                let listed = try await database.deadLetters(filter).map(\.number)
                #expect(try await database.countDeadLetters(filter).total == Int64(listed.count))
                return listed
            }
            #expect(try await numbers { _ in } == [4, 3, 2, 1])
            #expect(try await numbers { $0.bot = beta } == [3])
            #expect(try await numbers { $0.kind = .unreadable } == [1])
            #expect(try await numbers { $0.numbers = [4, 1, 99] } == [4, 1])
            #expect(try await numbers { $0.reason = "TIME OUT" } == [2])
            #expect(try await numbers { $0.reason = "%" } == [2], "no wildcard")
            #expect(try await numbers { $0.since = Timestamp(milliseconds: Timestamp.now.milliseconds + 60_000) } == [])
            #expect(try await numbers { $0.until = Timestamp(milliseconds: 1000) } == [])
            #expect(
                try await numbers {
                    $0.bot = alpha
                    $0.kind = .crash
                } == [4])
            try await database.markReplayed([2, 3])
            #expect(try await numbers { $0.replayed = true } == [3, 2])
            #expect(try await numbers { $0.replayed = false } == [4, 1])
            #expect(try await database.deadLetterCounts() == [alpha: 2])
            #expect(
                try await database.countDeadLetters(DeadLetterFilter())
                    == DeadLetterCount(total: 4, unreplayed: 2, last: 4))
        }
    }

    @Test func pagesGoBothWays() async throws {
        try await withLetters { database in
            let all = DeadLetterFilter()
            let newest = try await database.deadLetters(all, limit: 2).map(\.number)
            #expect(newest == [4, 3])
            let older = try await database.deadLetters(all, before: 3, limit: 2).map(\.number)
            #expect(older == [2, 1])
            let between = try await database.deadLetters(all, after: 1, upTo: 3, limit: 9).map(\.number)
            #expect(between == [2, 3])
            let first = try await database.deadLetters(all, after: 0, upTo: 4, limit: 1).map(\.number)
            #expect(first == [1])
        }
    }

    @Test func oneIsShownWithItsBodyAndItsFirstTime() async throws {
        try await withLetters { database in
            let first = try #require(try await database.deadLetter(1))
            #expect(first.body == [0xFF, 0] && first.size == 2 && first.kind == .unreadable)
            #expect(first.reason == "not\u{FFFD}JSON" && first.updateID == nil && first.firstAt == first.at)
            // The same update was given up before, and tried first at a time that was noted.
            #expect(try await database.deadLetter(2)?.firstAt == Timestamp(milliseconds: 1000))
            // Another bot's update of the same id is another.
            let other = try #require(try await database.deadLetter(3))
            #expect(other.kind == .database && other.firstAt == other.at)
            #expect(try await database.deadLetters().allSatisfy { $0.body == nil })
            #expect(try await database.deadLetter(5) == nil)
        }
    }

    @Test func aPurgeDeletesWhatTheFilterMeansAndNothingElse() async throws {
        try await withLetters { database in
            let purged = try await database.purgeDeadLetters(DeadLetterFilter(numbers: [1, 3, 7]))
            #expect(purged == 2)
            #expect(try await database.deadLetters().map(\.number) == [4, 2])
            #expect(try await database.purgeDeadLetters(DeadLetterFilter(bot: alpha), slice: 1) == 2)
            #expect(try await database.deadLetters().isEmpty)
        }
    }

    @Test func whatTheBrokerGaveUpIsKeptOnce() async throws {
        try await TestDatabase.with { database in
            try await TestDatabase.addBot(database, alpha)
            let lane = try await database.claimLane(LaneKey(bot: alpha), worker: WorkerIdentity(name: "w"))
            var settlement = Settlement()
            settlement.settle(updateID: 1, as: .done)
            try await database.settle(settlement, lane: lane)
            func row(_ id: Int64?, _ body: [UInt8]) -> DeadLetterRow {
                DeadLetterRow(updateID: id, body: body, reason: "limit", attempts: 0, kind: .broker)
            }
            #expect(try await !database.keepDeadLetter(row(1, [1]), of: alpha), "it took effect")
            #expect(try await database.keepDeadLetter(row(2, [2]), of: alpha))
            #expect(try await !database.keepDeadLetter(row(2, [2]), of: alpha), "told again after a crash")
            #expect(try await database.keepDeadLetter(row(nil, [3]), of: alpha))
            #expect(try await !database.keepDeadLetter(row(nil, [3]), of: alpha))
            // A copy that comes later has no effect; a replay would have one.
            #expect(try await database.settledUpdates(bot: alpha, among: [1, 2]) == [1: .done, 2: .dead])
            #expect(try await database.deadLetters().map(\.updateID) == [nil, 2])
            #expect(try await !database.keepDeadLetter(row(2, [2]), of: beta), "no such bot")
        }
    }
}
