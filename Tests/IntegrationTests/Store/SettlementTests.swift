import FleetModel
import FleetTesting
import Store
import Testing

/// What the fence, the inbox and the outbox promise.
@Suite(.timeLimit(.minutes(2))) struct StoreSettlementTests {
    let worker = WorkerIdentity(name: "w1")
    let rival = WorkerIdentity(name: "w2")

    func withLane(_ body: (Database, LaneClaim) async throws -> Void) async throws {
        let bot = try #require(BotID("alpha"))
        try await TestDatabase.with { database in
            try await TestDatabase.addBot(database, bot)
            try await body(database, try await database.claimLane(LaneKey(bot: bot), worker: worker))
        }
    }

    func batch(_ updates: ClosedRange<Int64>, term: Int64, state: UInt8 = 1) -> Settlement {
        var settlement = Settlement()
        for update in updates {
            settlement.settle(updateID: update, as: .done)
            settlement.setSession(conversation: update % 10, state: [state, 0, UInt8(update % 256)])
            settlement.send(
                OutboxRow(
                    seq: term << 32 | update, updateID: update, conversation: update % 10, method: "sendMessage",
                    body: Array("{\"text\":\"\(update)\"}".utf8)))
        }
        return settlement
    }

    @Test func aBatchTakesEffectAsAWhole() async throws {
        try await withLane { database, lane in
            var settlement = batch(1...200, term: lane.term)
            settlement.settle(updateID: 201, as: .dead)
            settlement.deadLetter(DeadLetterRow(updateID: 201, body: [0, 255], reason: "no\0good", attempts: 3))
            settlement.record(EventRow(conversation: 4, kind: "seen", data: [0, 1]))
            try await database.settle(settlement, lane: lane)

            let (settled, sessions, _) = try await database.recall(
                bot: lane.key.bot, updates: Array(0...202), conversations: [1, 9, 77])
            #expect(settled.count == 201)
            #expect(settled[201] == .dead && settled[200] == .done && settled[0] == nil)
            #expect(sessions == [1: [1, 0, 191], 9: [1, 0, 199]])
            let unsent = try await database.unsentOutbox(lane: lane, limit: 1000)
            #expect(unsent.map(\.updateID) == (1...200).map { $0 })
            #expect(unsent[0].body == Array("{\"text\":\"1\"}".utf8))
            let counts = try await database.counts()[lane.key.bot]
            #expect(counts?.done == 200 && counts?.dead == 1 && counts?.events == 1 && counts?.deadLetters == 1)
        }
    }

    @Test func aDuplicateLeavesNoEffectOfItsBatch() async throws {
        try await withLane { database, lane in
            try await database.settle(batch(1...5, term: lane.term), lane: lane)
            var again = batch(6...10, term: lane.term, state: 9)
            again.settle(updateID: 3, as: .done)
            let error = await #expect(throws: StoreError.self) { try await database.settle(again, lane: lane) }
            #expect(error?.code == .duplicateUpdates)
            #expect(error?.outcomeUnknown == false)
            let (settled, sessions, _) = try await database.recall(
                bot: lane.key.bot, updates: Array(1...10), conversations: Array(0...9))
            #expect(Set(settled.keys) == Set(1...5))
            #expect(sessions.values.allSatisfy { $0[0] == 1 } && sessions.count == 5)
            #expect(try await database.unsentOutbox(lane: lane, limit: 100).count == 5)
        }
    }

    @Test func twoEqualUpdatesInOneBatchAreADuplicateToo() async throws {
        try await withLane { database, lane in
            var settlement = Settlement()
            settlement.settle(updateID: 1, as: .done)
            settlement.settle(updateID: 1, as: .done)
            let error = await #expect(throws: StoreError.self) { try await database.settle(settlement, lane: lane) }
            #expect(error?.code == .duplicateUpdates)
        }
    }

    @Test func aStaleTermIsFencedAndHasNoEffect() async throws {
        try await withLane { database, stale in
            let fresh = try await database.claimLane(stale.key, worker: rival)
            #expect(fresh.id == stale.id && fresh.term == stale.term + 1)
            #expect(fresh.previousOwner == worker)
            let error = await #expect(throws: StoreError.self) {
                try await database.settle(batch(1...3, term: stale.term), lane: stale)
            }
            #expect(error?.code == .fenced)
            #expect(error?.disposition == .giveUp)
            #expect(try await database.settledUpdates(bot: stale.key.bot, among: [1, 2, 3]).isEmpty)
            #expect(try await database.unsentOutbox(lane: fresh, limit: 10).isEmpty)
            try await database.settle(batch(1...3, term: fresh.term), lane: fresh)
        }
    }

    /// Fenced, not "duplicate": the one says drop the lane, the other look again.
    @Test func aStaleOwnerIsFencedEvenWhenItsUpdatesWereSettledByTheNext() async throws {
        try await withLane { database, stale in
            let fresh = try await database.claimLane(stale.key, worker: rival)
            try await database.settle(batch(1...3, term: fresh.term), lane: fresh)
            let error = await #expect(throws: StoreError.self) {
                try await database.settle(batch(1...3, term: stale.term), lane: stale)
            }
            #expect(error?.code == .fenced)
        }
    }

    @Test func aLaneThatIsGoneIsFenced() async throws {
        try await withLane { database, lane in
            try await database.settle(batch(1...3, term: lane.term), lane: lane)
            try await database.removeBot(lane.key.bot)
            let error = await #expect(throws: StoreError.self) {
                try await database.settle(batch(4...5, term: lane.term), lane: lane)
            }
            #expect(error?.code == .fenced)
            #expect(try await database.counts().isEmpty)
            #expect(try await database.settledUpdates(bot: lane.key.bot, among: [1, 2, 3]).isEmpty)
        }
    }

    @Test func aReplayTurnsDeadToDoneOnce() async throws {
        try await withLane { database, lane in
            var settlement = Settlement()
            settlement.settle(updateID: 1, as: .dead)
            settlement.settle(updateID: 2, as: .done)
            try await database.settle(settlement, lane: lane)

            var replay = Settlement()
            replay.replay(updateID: 1)
            replay.setSession(conversation: 5, state: [5])
            try await database.settle(replay, lane: lane)
            #expect(try await database.settledUpdates(bot: lane.key.bot, among: [1, 2]) == [1: .done, 2: .done])

            replay.setSession(conversation: 5, state: [6])
            let error = await #expect(throws: StoreError.self) { try await database.settle(replay, lane: lane) }
            #expect(error?.code == .duplicateUpdates)
            #expect(try await database.sessions(bot: lane.key.bot, conversations: [5]) == [5: [5]])
        }
    }

    @Test func aSessionIsReplacedAndDeleted() async throws {
        try await withLane { database, lane in
            var settlement = Settlement()
            for conversation in 1...3 as ClosedRange<Int64> {
                settlement.setSession(conversation: conversation, state: [1])
            }
            try await database.settle(settlement, lane: lane)
            settlement.removeAll()
            settlement.setSession(conversation: 1, state: [])
            settlement.setSession(conversation: 2, state: nil)
            try await database.settle(settlement, lane: lane)
            #expect(try await database.sessions(bot: lane.key.bot, conversations: [1, 2, 3]) == [1: [], 3: [1]])
        }
    }

    @Test func theOutboxKeepsItsOrderOverOwnersAndSlices() async throws {
        try await withLane { database, first in
            try await database.settle(batch(1...20, term: first.term), lane: first)
            let second = try await database.claimLane(first.key, worker: rival)
            try await database.settle(batch(21...40, term: second.term), lane: second)
            try await database.markSent(lane: first.id, seqs: [first.term << 32 | 2])
            try await database.markSent(lane: first.id, seqs: [first.term << 32 | 2])
            var read: [Int64?] = []
            var after = Int64.min
            while true {
                let rows = try await database.unsentOutbox(lane: second, limit: 7, after: after)
                guard let last = rows.last else { break }
                read += rows.map(\.updateID)
                after = last.seq
            }
            #expect(read == (1...40).filter { $0 != 2 })
        }
    }

    @Test func aSentMarkInARefusedBatchIsTakenBackAndMarkSentIsNot() async throws {
        try await withLane { database, stale in
            try await database.settle(batch(1...2, term: stale.term), lane: stale)
            let fresh = try await database.claimLane(stale.key, worker: rival)
            var sent = Settlement()
            sent.markSent(seq: stale.term << 32 | 1)
            await #expect(throws: StoreError.self) { try await database.settle(sent, lane: stale) }
            #expect(try await database.unsentOutbox(lane: fresh, limit: 10).count == 2)
            try await database.markSent(lane: stale.id, seqs: [stale.term << 32 | 1])
            #expect(try await database.unsentOutbox(lane: fresh, limit: 10).map(\.updateID) == [2])
        }
    }

    @Test func theInboxIsPrunedByAgeAndNeverBelowTwoDays() async throws {
        try await withLane { database, lane in
            try await database.settle(batch(1...30, term: lane.term), lane: lane)
            let age = "UPDATE inbox SET settled_at = now() - interval '47 hours' WHERE update_id <= 20"
            _ = try await database.query(Statement("", age))
            #expect(try await database.pruneInbox(olderThan: .seconds(1)) == 0)
            let older = "UPDATE inbox SET settled_at = now() - interval '49 hours' WHERE update_id <= 10"
            _ = try await database.query(Statement("", older))
            #expect(try await database.pruneInbox(olderThan: .seconds(1), slice: 3) == 10)
            #expect(try await database.settledUpdates(bot: lane.key.bot, among: Array(1...30)).count == 20)
        }
    }
}
