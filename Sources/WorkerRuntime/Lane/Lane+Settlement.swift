import BotKit
import DequeModule
import FleetModel
import Store

extension Lane {
    /// What to commit next, when it is time: the batch is full, has waited long enough, nothing else can join it soon,
    /// or the lane drains.
    ///
    /// A lone update does not wait. Under load batches are large all the same: while one is being committed the next
    /// gathers.
    /// - Parameter moreComes: something has happened that the lane was not told of yet.
    mutating func takeSettlement(now: ContinuousClock.Instant, moreComes: Bool = false) -> Settlement? {
        guard isOwned, settling == nil, !isRereading, let since = pendingSince ?? sends.marksSince else { return nil }
        let limit = min(limits.batchSize, batchLimit)
        let waiting = pending.count + unreadable.count
        let due = now - since >= limits.settleDelay || waiting > 0 && !moreComes && !isExpectant(now: now)
        guard waiting >= limit || due || isDraining else { return nil }
        return build(limit: limit, now: now)
    }

    /// Something else will be there to be settled soon: the database is being asked, or a handler has just begun.
    private func isExpectant(now: ContinuousClock.Instant) -> Bool {
        recalling != nil || !unrecalled.isEmpty || reading != nil
            || jobs.values.contains { now - $0.startedAt.instant < limits.settleDelay }
    }

    private mutating func build(limit: Int, now: ContinuousClock.Instant) -> Settlement {
        var settlement = Settlement()
        var batch = InFlightSettlement(
            handled: [], unreadable: [], outbox: [], sent: sends.takeMarks(), report: sends.takeReport(),
            startedAt: now)
        for seq in batch.sent { settlement.markSent(seq: seq) }
        batch.handled.reserveCapacity(min(limit, pending.count))
        while batch.handled.count < limit, let handled = pending.popFirst() {
            batch.handled.append(handled)
            add(handled, to: &settlement, &batch)
        }
        let room = max(0, limit - batch.handled.count)
        batch.unreadable = Array(unreadable.prefix(room))
        unreadable.removeFirst(batch.unreadable.count)
        for body in batch.unreadable {
            settlement.deadLetter(DeadLetterRow(updateID: nil, body: body.body, reason: body.reason, attempts: 0))
        }
        record(&batch, in: &settlement)
        pendingSince = pending.isEmpty && unreadable.isEmpty ? nil : now
        settling = batch
        return settlement
    }

    private mutating func add(_ handled: Handled, to settlement: inout Settlement, _ batch: inout InFlightSettlement) {
        switch handled.outcome {
        case .waits(let row, _): return settlement.waiting.add(row)
        case .waitsOn(let row, _, _): return settlement.waiting.retry(row)
        case .dropped(let row): return settlement.waiting.end(conversation: row.conversation, seq: row.seq)
        case .unreadable(let row, let reason):
            settlement.settle(updateID: row.updateID, as: .dead)
            settlement.deadLetter(
                DeadLetterRow(
                    updateID: row.updateID, body: row.body, reason: reason, attempts: row.attempts, kind: .unreadable))
            return settlement.waiting.end(conversation: row.conversation, seq: row.seq)
        case .effects, .dead, .expired: break
        }
        guard let entry = entries[handled.tag] else { return }
        if sends.blocks.contains(handled.conversation) { batch.lifted.insert(handled.conversation) }
        switch handled.outcome {
        case .effects(let effects): add(effects, of: entry, to: &settlement, &batch)
        case .dead(let reason, let attempts, let kind):
            bury(entry, reason: reason, attempts: attempts, kind: kind, in: &settlement)
        default: settlement.settle(updateID: entry.update.id, as: .expired)
        }
        if let row = entry.row { settlement.waiting.end(conversation: handled.conversation, seq: row) }
    }

    private mutating func add(
        _ effects: Effects,
        of entry: Entry,
        to settlement: inout Settlement,
        _ batch: inout InFlightSettlement
    ) {
        let conversation = entry.update.conversation
        if entry.wasDead {
            settlement.replay(updateID: entry.update.id)
        } else {
            settlement.settle(updateID: entry.update.id, as: .done)
        }
        if effects.sessionChanged { settlement.setSession(conversation: conversation, state: effects.session) }
        for call in effects.calls {
            lastSequence += 1
            let row = OutboxRow(
                seq: lastSequence,
                updateID: entry.update.id,
                conversation: call.chat ?? conversation,
                method: call.method,
                body: call.body,
                priority: call.priority
            )
            settlement.send(row)
            batch.outbox.append(row)
        }
        for event in effects.events {
            settlement.record(
                EventRow(conversation: conversation, kind: event.kind, data: Array(event.data.description.utf8))
            )
        }
    }

    private func bury(
        _ entry: Entry, reason: String, attempts: Int, kind: DeadLetterKind, in settlement: inout Settlement
    ) {
        // A replay that fails again is in the inbox as dead already; it only gets a new dead letter.
        if !entry.wasDead { settlement.settle(updateID: entry.update.id, as: .dead) }
        settlement.deadLetter(
            DeadLetterRow(
                updateID: entry.update.id,
                body: entry.update.body,
                reason: reason,
                attempts: Int32(attempts),
                kind: kind
            )
        )
    }

    /// The settlement was committed.
    mutating func settled(now: ContinuousClock.Instant) {
        guard let batch = settling else { return }
        settling = nil
        counters.batches += 1
        renewed(asOf: batch.startedAt)
        if batchLimit != .max { batchLimit = batchLimit >= 1000 ? .max : batchLimit * 2 }
        for handled in batch.handled {
            settled(handled)
            conversations[handled.conversation]?.unsettled -= 1
            rest(handled.conversation)
        }
        for body in batch.unreadable {
            acks.settled(body.tag)
            counters.settled += 1
            counters.deadLettered += 1
        }
        for id in batch.lifted { sends.blocks.remove(id) }
        sends.enqueue(batch.outbox, now: now)
        countSends()
        counters.waiting = Int64(parked.rows)
        counters.inFlight = Int64(entries.count)
    }

    private mutating func settled(_ handled: Handled) {
        switch handled.outcome {
        case .effects, .dead, .expired:
            guard let entry = entries[handled.tag] else { return }
            counters.settled += 1
            if case .dead = handled.outcome { counters.deadLettered += 1 }
            if case .expired = handled.outcome { counters.expired += 1 }
            close(entry)
            if !poisoned.isEmpty { poisoned[entry.update.id] = nil }
            if let row = entry.row { ended(entry.line(row)) }
        case .waits(let row, let isRunning):
            let line = WaitingLine(
                conversation: row.conversation, alone: row.flags.contains(.alone) ? row.seq : nil)
            parked.added(line)
            guard let entry = entries[handled.tag] else { return }
            if isRunning {
                acknowledge(entry)
                entries[handled.tag]?.isDelivered = false
                entries[handled.tag]?.twins = []
            } else {
                close(entry)
            }
        case .waitsOn(_, let line, let from):
            if let from {
                parked.added(line)
                parked.ended(from)
            }
            parked.unload(line)
            if let entry = entries[handled.tag] { close(entry) }
        case .dropped(let row), .unreadable(let row, _):
            if case .unreadable = handled.outcome {
                counters.settled += 1
                counters.deadLettered += 1
            }
            ended(
                WaitingLine(conversation: row.conversation, alone: row.flags.contains(.alone) ? row.seq : nil))
        }
    }

    /// A row is gone. When it was the last of its chat, the chat is as any other again.
    private mutating func ended(_ line: WaitingLine) {
        parked.ended(line)
        if !parked.isHeld(line.conversation) { makeRunnable(line.conversation) }
    }

    /// Why a settlement was not committed, as far as it matters here.
    enum SettlementFailure {
        /// Somebody else raised the term.
        case fenced
        /// Some of its updates are in the inbox already.
        case duplicates
        /// The database is away, or it is unknown whether the commit happened.
        case unavailable
        /// The database refuses something in it, for good.
        case poison(String)
    }

    mutating func settlementFailed(_ failure: SettlementFailure, now: ContinuousClock.Instant) {
        guard let batch = settling else { return }
        switch failure {
        case .fenced, .unavailable:
            reset(now: now)
        case .duplicates:
            cautiousUntil = now + Self.cautionTime
            reset(now: now)
        case .poison(let reason):
            let count = batch.handled.count + batch.unreadable.count
            if count > 1 {
                batchLimit = max(1, count / 2)
                reset(now: now)
            } else {
                condemn(batch, reason: reason, now: now)
            }
        }
    }

    /// How long duplicates are expected after one was met.
    static let cautionTime: Duration = .seconds(10)

    /// The one update that cannot be committed goes to the dead letters by itself.
    private mutating func condemn(_ batch: InFlightSettlement, reason: String, now: ContinuousClock.Instant) {
        guard let handled = batch.handled.first, let entry = entries[handled.tag] else { return reset(now: now) }
        guard case .effects = handled.outcome else { return reset(now: now) }
        reset(now: now)
        poisoned[entry.update.id] = "the database refused its effects: \(reason)"
    }
}
