import FleetModel
import FleetTesting
import Store
import Testing

/// Table `waiting`: what goes in with a settlement comes out as it was, in order, and only once.
@Suite(.timeLimit(.minutes(2))) struct StoreWaitingTests {
    private func withLane(_ body: (Database, LaneClaim) async throws -> Void) async throws {
        let bot = try #require(BotID("alpha"))
        try await TestDatabase.with { database in
            try await TestDatabase.addBot(database, bot)
            let worker = WorkerIdentity(name: "w1")
            try await body(database, try await database.claimLane(LaneKey(bot: bot), worker: worker))
        }
    }

    private func row(_ seq: Int64, chat: Int64, delay: Duration = .zero) -> WaitingRow {
        WaitingRow(
            conversation: chat, seq: seq, updateID: 100 + seq, body: Array("body \(seq)".utf8), delay: delay)
    }

    @Test func rowsComeBackAsTheyWentIn() async throws {
        try await withLane { database, lane in
            var settlement = Settlement()
            var first = row(1, chat: 7, delay: .seconds(100))
            first.attempts = 2
            first.reason = "no\0good"
            first.flags = [.replay, .suspect]
            first.age = .seconds(5)
            var lone = row(3, chat: 7)
            lone.flags = .alone
            for row in [row(2, chat: 7), first, lone, row(4, chat: -8)] { settlement.waiting.add(row) }
            try await database.settle(settlement, lane: lane)

            let heads = try await database.waitingHeads(lane: lane)
            let byLine = Dictionary(uniqueKeysWithValues: heads.map { ($0.line, $0) })
            #expect(heads.count == 3)
            let head = try #require(byLine[WaitingLine(conversation: 7)])
            #expect(head.count == 2 && head.delay > .seconds(50) && head.delay <= .seconds(100))
            #expect(byLine[WaitingLine(conversation: 7, alone: 3)]?.count == 1)
            #expect(byLine[WaitingLine(conversation: -8)]?.count == 1)

            let lines = [WaitingLine(conversation: 7), WaitingLine(conversation: -8)]
            let rows = try await database.waitingRows(lane: lane, lines: lines, limit: 16)
            #expect(rows.map(\.row.seq) == [4, 1, 2])
            #expect(rows[1].row.body == Array("body 1".utf8) && rows[1].row.updateID == 101)
            #expect(rows[1].row.attempts == 2 && rows[1].row.flags == [.replay, .suspect])
            #expect(rows[1].row.reason.hasPrefix("no"))
            #expect(rows[1].row.age.map { $0 >= .seconds(5) && $0 < .seconds(60) } == true)
            #expect(rows[2].row.age == nil && rows[2].row.reason == "")
            let few = try await database.waitingRows(
                lane: lane, lines: lines + [WaitingLine(conversation: 7, alone: 3)], limit: 1)
            #expect(few.map(\.row.seq) == [4, 1, 3])
        }
    }

    @Test func anUpdateMovesToTheInboxInOneTransaction() async throws {
        try await withLane { database, lane in
            var settlement = Settlement()
            settlement.waiting.add(row(1, chat: 7))
            settlement.waiting.add(row(2, chat: 7))
            try await database.settle(settlement, lane: lane)
            var known = try await database.recall(lane: lane, updates: [101, 102, 103], conversations: [7])
            #expect(known.waiting == [101, 102] && known.settled.isEmpty)

            var effects = Settlement()
            effects.settle(updateID: 101, as: .done)
            effects.waiting.end(conversation: 7, seq: 1)
            var again = row(2, chat: 7, delay: .seconds(9))
            again.attempts = 1
            again.flags = .alone
            effects.waiting.retry(again)
            // A row that comes and ends in the same settlement leaves nothing.
            effects.waiting.add(row(3, chat: 7))
            effects.settle(updateID: 103, as: .expired)
            effects.waiting.end(conversation: 7, seq: 3)
            try await database.settle(effects, lane: lane)
            known = try await database.recall(lane: lane, updates: [101, 102, 103], conversations: [7])
            #expect(known.waiting == [102] && known.settled == [101: .done, 103: .expired])
            #expect(try await database.waitingHeads(lane: lane).map(\.line) == [WaitingLine(conversation: 7, alone: 2)])
        }
    }

    @Test func anUpdateWaitsOnceAndAStaleOwnerParksNothing() async throws {
        try await withLane { database, lane in
            var settlement = Settlement()
            settlement.waiting.add(row(1, chat: 7))
            try await database.settle(settlement, lane: lane)
            var twice = Settlement()
            var other = row(2, chat: 7)
            other.updateID = 101
            twice.waiting.add(other)
            let error = await #expect(throws: StoreError.self) { try await database.settle(twice, lane: lane) }
            #expect(error?.code == .duplicateUpdates)
            _ = try await database.claimLane(lane.key, worker: WorkerIdentity(name: "w2"))
            var late = Settlement()
            late.waiting.add(row(5, chat: 7))
            let fenced = await #expect(throws: StoreError.self) { try await database.settle(late, lane: lane) }
            #expect(fenced?.code == .fenced)
            #expect(try await database.waitingHeads(lane: lane).map(\.count) == [1])
        }
    }
}
