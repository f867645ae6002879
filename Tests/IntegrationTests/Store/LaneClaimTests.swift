import FleetModel
import FleetTesting
import Logging
import Store
import Testing

@Suite(.timeLimit(.minutes(2))) struct StoreLaneClaimTests {
    let worker = WorkerIdentity(name: "w1")
    let rival = WorkerIdentity(name: "w2")

    @Test func eachClaimRaisesTheTerm() async throws {
        let bot = try #require(BotID("alpha"))
        try await TestDatabase.with { database in
            try await TestDatabase.addBot(database, bot, lanes: 2)
            let first = try await database.claimLane(LaneKey(bot: bot, number: 1), worker: worker)
            #expect(first.term == 1 && first.previousOwner == nil)
            let second = try await database.claimLane(LaneKey(bot: bot, number: 1), worker: rival)
            #expect(second.id == first.id && second.term == 2 && second.previousOwner == worker)
            let other = try await database.claimLane(LaneKey(bot: bot, number: 0), worker: worker)
            #expect(other.id != first.id && other.term == 1)
            #expect(try await database.lanes(of: bot).map(\.owner) == [worker, rival])
        }
    }

    @Test func aLaneOfNoBotCannotBeClaimed() async throws {
        let bot = try #require(BotID("nobody"))
        try await TestDatabase.with { database in
            let error = await #expect(throws: StoreError.self) {
                try await database.claimLane(LaneKey(bot: bot), worker: worker)
            }
            #expect(error?.code == .constraint("lane_bot_id_fkey"))
        }
    }

    @Test func claimsAtTheSameMomentGetDifferentTerms() async throws {
        let bot = try #require(BotID("alpha"))
        try await TestDatabase.with(configure: { $0.maxConnections = 6 }) { database in
            try await TestDatabase.addBot(database, bot)
            let terms = try await withThrowingTaskGroup(of: Int64.self) { group in
                for number in 0..<12 {
                    group.addTask {
                        let name = WorkerIdentity(name: "w\(number)")
                        return try await database.claimLane(LaneKey(bot: bot), worker: name).term
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(terms.sorted() == Array(1...12))
        }
    }

    /// The owner was stopped (SIGSTOP) between the fence and the commit of a settlement: it holds the lane's row, and
    /// its connection stays open. Another lane's settlement is under way too, and must not suffer.
    @Test(arguments: [1, 2]) func aStoppedOwnerIsThrownOutAndItsCommitFails(_ holders: Int) async throws {
        let bot = try #require(BotID("alpha"))
        try await TestDatabase.with(configure: { $0.maxConnections = 6 }) { database in
            try await TestDatabase.addBot(database, bot, lanes: 2)
            let lane = try await database.claimLane(LaneKey(bot: bot), worker: worker)
            let neighbour = try await database.claimLane(LaneKey(bot: bot, number: 1), worker: worker)
            try await Self.holding(neighbour, of: database, count: 1) { innocent in
                try await Self.holding(lane, of: database, count: holders) { stopped in
                    let fresh = try await database.claimLane(lane.key, worker: rival)
                    #expect(fresh.term == lane.term + 1)
                    for connection in stopped {
                        let error = await #expect(throws: StoreError.self) { try await connection.commit() }
                        #expect(error?.disposition == .reconnect)
                    }
                }
                for connection in innocent { try await connection.commit() }
            }
            #expect(try await database.settledUpdates(bot: bot, among: [lane.id]) == [:])
            #expect(try await database.settledUpdates(bot: bot, among: [neighbour.id]) == [neighbour.id: .done])
        }
    }

    /// A claim that comes while a live settlement holds the row waits for it instead of killing it.
    @Test func aSettlementThatEndsInTimeIsWaitedFor() async throws {
        let bot = try #require(BotID("alpha"))
        try await TestDatabase.with(configure: { $0.maxConnections = 4 }) { database in
            try await TestDatabase.addBot(database, bot)
            let lane = try await database.claimLane(LaneKey(bot: bot), worker: worker)
            var settlement = Settlement()
            for update in 1...500 as ClosedRange<Int64> { settlement.settle(updateID: update, as: .done) }
            async let settled: Void = database.settle(settlement, lane: lane)
            let fresh = try await database.claimLane(lane.key, worker: rival)
            #expect(fresh.term == 2)
            // Whichever came first, the settlement either took effect before the claim or was fenced; never half.
            do {
                try await settled
                #expect(try await database.settledUpdates(bot: bot, among: Array(1...500)).count == 500)
            } catch let error as StoreError {
                #expect(error.code == .fenced)
                #expect(try await database.settledUpdates(bot: bot, among: Array(1...500)).isEmpty)
            }
        }
    }

    /// The row is locked by something that is no owner: a table lock. Nobody is killed for it.
    @Test func aTableLockIsReportedAndItsHolderLives() async throws {
        let bot = try #require(BotID("alpha"))
        try await TestDatabase.with(configure: { $0.maxConnections = 4 }) { database in
            try await TestDatabase.addBot(database, bot)
            let lane = try await database.claimLane(LaneKey(bot: bot), worker: worker)
            try await database.withConnection { lease in
                _ = try await lease.query(Statement("", "BEGIN"))
                _ = try await lease.query(Statement("", "LOCK TABLE lane IN SHARE MODE"))
                let error = await #expect(throws: StoreError.self) {
                    try await database.claimLane(lane.key, worker: rival)
                }
                #expect(error?.code == .lockTimeout)
                #expect(error?.disposition == .retry)
                _ = try await lease.query(Statement("", "COMMIT"))
            }
            #expect(try await database.claimLane(lane.key, worker: rival).term == 2)
        }
    }

    /// Connections in the middle of a settlement of `lane`: fenced, its inbox row written, not committed.
    static func holding(
        _ lane: LaneClaim, of database: Database, count: Int, connections: [HeldSettlement] = [],
        _ body: @escaping ([HeldSettlement]) async throws -> Void
    ) async throws {
        if count == 0 { return try await body(connections) }
        let held = try await HeldSettlement.begin(database.configuration, lane, row: connections.isEmpty)
        do {
            try await holding(
                lane, of: database, count: count - 1, connections: connections + [held], body)
        } catch {
            await held.end()
            throw error
        }
        await held.end()
    }
}

/// A settlement as its owner leaves it when it is stopped half-way.
struct HeldSettlement: Sendable {
    private let commands: AsyncStream<CheckedContinuation<Result<Void, StoreError>, Never>>.Continuation
    private let database: Database

    static func begin(_ configuration: StoreConfiguration, _ lane: LaneClaim, row: Bool) async throws -> HeldSettlement
    {
        let database = try Database(configuration, logger: Logger(label: "test.held"))
        let (commands, continuation) = AsyncStream.makeStream(
            of: CheckedContinuation<Result<Void, StoreError>, Never>.self)
        let (ready, signal) = AsyncThrowingStream.makeStream(of: Void.self)
        Task {
            do {
                try await database.withConnection { lease in
                    _ = try await lease.query(Statement("", "BEGIN"))
                    _ = try await lease.query(
                        Statement("", "SELECT fleet_fence($1, $2)") {
                            $0.add(lane.id)
                            $0.add(lane.term)
                        })
                    if row {
                        _ = try await lease.query(
                            Statement("", "INSERT INTO inbox (bot_id, update_id, outcome) VALUES ($1, $2, 1)") {
                                $0.add(lane.key.bot)
                                $0.add(lane.id)
                            })
                    }
                    signal.yield()
                    for await command in commands {
                        do throws(StoreError) {
                            _ = try await lease.query(Statement("", "COMMIT"))
                            command.resume(returning: .success(()))
                        } catch {
                            command.resume(returning: .failure(error))
                        }
                    }
                }
            } catch {
                signal.finish(throwing: error)
            }
        }
        var iterator = ready.makeAsyncIterator()
        _ = try await iterator.next()
        return HeldSettlement(commands: continuation, database: database)
    }

    /// It goes on where it was stopped.
    func commit() async throws(StoreError) {
        try await withCheckedContinuation { _ = commands.yield($0) }.get()
    }

    func end() async {
        commands.finish()
        await database.shutdown()
    }
}
