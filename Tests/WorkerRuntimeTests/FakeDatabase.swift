import FleetModel
import Testing

@testable import Store
@testable import WorkerRuntime

/// What the database would hold: inbox, sessions, dead letters, table `waiting`. It refuses what the real one refuses.
struct FakeDatabase {
    struct Row {
        var row: WaitingRow
        var dueAt: ContinuousClock.Instant
    }

    var inbox: [Int64: InboxOutcome] = [:]
    var sessions: [Int64: [UInt8]] = [:]
    var dead: [DeadLetterRow] = []
    var waiting: [Row] = []
    /// Updates whose effects cannot be stored.
    var poison: Set<Int64> = []
    private(set) var largestBatch = 0

    enum Answer: Equatable { case committed, duplicates, poison }

    mutating func commit(_ settlement: Settlement, now: ContinuousClock.Instant) -> Answer {
        let effects = Set(settlement.outboxUpdateIDs.compactMap { $0 })
        if !effects.isDisjoint(with: poison) { return .poison }
        if settlement.inboxIDs.contains(where: { inbox[$0] != nil }) { return .duplicates }
        let added = settlement.waiting.added
        if added.contains(where: { row in waiting.contains { $0.row.updateID == row.updateID } }) {
            return .duplicates
        }
        largestBatch = max(largestBatch, settlement.inboxIDs.count)
        for (id, outcome) in zip(settlement.inboxIDs, settlement.inboxOutcomes) {
            inbox[id] = InboxOutcome(rawValue: outcome)
        }
        for id in settlement.replayed { inbox[id] = .done }
        for (id, state) in zip(settlement.sessionConversations, settlement.sessionStates) { sessions[id] = state }
        dead += settlement.deadLetters
        for row in added { waiting.append(Row(row: row, dueAt: now + row.delay)) }
        for change in settlement.waiting.retried {
            guard let index = index(change.conversation, change.seq) else { continue }
            waiting[index].row.attempts = change.attempts
            waiting[index].row.reason = change.reason
            waiting[index].row.flags = change.flags.union(waiting[index].row.flags.intersection(.replay))
            waiting[index].dueAt = now + change.delay
        }
        for ended in settlement.waiting.ended {
            guard let index = index(ended.conversation, ended.seq) else { continue }
            waiting.remove(at: index)
        }
        return .committed
    }

    private func index(_ conversation: Int64, _ seq: Int64) -> Int? {
        waiting.firstIndex { $0.row.conversation == conversation && $0.row.seq == seq }
    }

    func heads(now: ContinuousClock.Instant) -> [WaitingHead] {
        let lines = Dictionary(grouping: waiting.sorted { $0.row.seq < $1.row.seq }) { Self.line($0.row) }
        return lines.map { WaitingHead(line: $0, count: $1.count, delay: $1[0].dueAt - now) }
    }

    func rows(_ lines: [WaitingLine], limit: Int) -> [DueRow] {
        lines.flatMap { line in
            waiting.map(\.row).filter { Self.line($0) == line }.sorted { $0.seq < $1.seq }.prefix(limit)
                .map { DueRow(row: $0, outcome: inbox[$0.updateID]) }
        }
    }

    private static func line(_ row: WaitingRow) -> WaitingLine {
        WaitingLine(conversation: row.conversation, alone: row.flags.contains(.alone) ? row.seq : nil)
    }
}

extension LaneFixture {
    /// Does all that can be done at this moment, with `database` behind the lane.
    mutating func run(
        _ database: inout FakeDatabase, _ handler: (HandlerJob) -> HandlerResult? = { .effects(effects(of: $0)) }
    ) {
        var isBusy = true
        while isBusy {
            isBusy = false
            if lane.takeClaim() {
                isBusy = true
                term += 1
                lane.claimed(
                    LaneClaim(id: 9, key: LaneKey(bot: Self.bot), term: term, previousOwner: nil, claimedAt: .now),
                    unsent: [], waiting: database.heads(now: now), predecessor: predecessor, asOf: now, now: now)
            }
            while let recall = lane.takeRecall() {
                isBusy = true
                lane.recalled(
                    recall, inbox: database.inbox.filter { recall.updates.contains($0.key) },
                    sessions: database.sessions.filter { recall.conversations.contains($0.key) },
                    waiting: Set(database.waiting.map(\.row.updateID)).intersection(recall.updates), now: now)
            }
            while let read = lane.takeWaitingRead(now: now) {
                isBusy = true
                lane.waitingRead(read, rows: database.rows(read.lines, limit: Lane.windowRows), now: now)
            }
            _ = lane.expire(now: now)
            lane.parkSlow(now: now)
            while let job = lane.takeJob(now: now) {
                isBusy = true
                started.append(job.update.id)
                if let result = handler(job) {
                    lane.handled(job.id, result, now: now)
                } else {
                    running[job.update.id] = job
                }
            }
            lane.parkCrowded(now: now)
            while let settlement = lane.takeSettlement(now: now) {
                isBusy = true
                switch database.commit(settlement, now: now) {
                case .committed: lane.settled(now: now)
                case .duplicates: lane.settlementFailed(.duplicates, now: now)
                case .poison: lane.settlementFailed(.poison("bad"), now: now)
                }
            }
            if sendsAtOnce {
                for row in lane.takeSends(now: now) {
                    isBusy = true
                    lane.sendEnded(row.seq, .sent, now: now)
                }
            }
            if let acks = lane.takeAcks() {
                if let upTo = acks.upTo { acked.formUnion(Set(1...upTo)) }
                acked.formUnion(acks.also)
            }
        }
    }

    /// A handler that was left running ends.
    mutating func end(_ update: Int64, _ result: HandlerResult? = nil) {
        guard let job = running.removeValue(forKey: update) else { return }
        lane.handled(job.id, result ?? .effects(Self.effects(of: job)), now: now)
    }

    /// The worker is gone, without a word; another one takes the lane.
    mutating func restart(_ values: [String: ConfigValue] = [:]) {
        var next = LaneFixture(values)
        next.now = now
        next.term = term
        self = next
    }
}
