import BotKit
import DequeModule
import FleetModel
import Store

extension Lane {
    /// What to commit next, when it is time: the batch is full, has waited long enough, or the lane drains.
    mutating func takeSettlement(now: ContinuousClock.Instant) -> Settlement? {
        guard isOwned, settling == nil, !isRereading, let since = pendingSince ?? sends.marksSince else { return nil }
        let limit = min(config.int("settle.batch_size"), batchLimit)
        let waiting = pending.count + unreadable.count
        let due = now - since >= config.milliseconds("settle.delay_ms")
        guard waiting >= limit || due || isDraining else { return nil }
        return build(limit: limit, now: now)
    }

    private mutating func build(limit: Int, now: ContinuousClock.Instant) -> Settlement {
        var settlement = Settlement()
        var batch = InFlightSettlement(
            handled: [], unreadable: [], outbox: [], sent: sends.takeMarks(), refusals: sends.takeRefusals(),
            startedAt: now)
        for seq in batch.sent { settlement.markSent(seq: seq) }
        batch.handled.reserveCapacity(min(limit, pending.count))
        while batch.handled.count < limit, let handled = pending.popFirst() {
            batch.handled.append(handled)
            guard let entry = entries[handled.tag] else { continue }
            switch handled.outcome {
            case .effects(let effects): add(effects, of: entry, to: &settlement, &batch)
            case .dead(let reason, let attempts): bury(entry, reason: reason, attempts: attempts, in: &settlement)
            }
        }
        let room = max(0, limit - batch.handled.count)
        batch.unreadable = Array(unreadable.prefix(room))
        unreadable.removeFirst(batch.unreadable.count)
        for body in batch.unreadable {
            settlement.deadLetter(DeadLetterRow(updateID: nil, body: body.body, reason: body.reason, attempts: 0))
        }
        for refusal in batch.refusals { settlement.record(refusal) }
        pendingSince = pending.isEmpty && unreadable.isEmpty ? nil : now
        settling = batch
        return settlement
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
                conversation: conversation,
                method: call.method,
                body: call.body
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

    private func bury(_ entry: Entry, reason: String, attempts: Int, in settlement: inout Settlement) {
        // A replay that fails again is in the inbox as dead already; it only gets a new dead letter.
        if !entry.wasDead { settlement.settle(updateID: entry.update.id, as: .dead) }
        settlement.deadLetter(
            DeadLetterRow(
                updateID: entry.update.id,
                body: entry.update.body,
                reason: reason,
                attempts: Int32(attempts),
                kind: poisoned[entry.tag] == nil ? .handler : .database
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
            guard let entry = entries[handled.tag] else { continue }
            counters.settled += 1
            if case .dead = handled.outcome { counters.deadLettered += 1 }
            close(entry)
            conversations[handled.conversation]?.unsettled -= 1
            rest(handled.conversation)
        }
        for body in batch.unreadable {
            acks.settled(body.tag)
            counters.settled += 1
            counters.deadLettered += 1
        }
        sends.enqueue(batch.outbox)
        counters.unsent = Int64(sends.unsent)
        counters.inFlight = Int64(entries.count)
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
        if case .dead = handled.outcome { return reset(now: now) }
        reset(now: now)
        poisoned[entry.tag] = "the database refused its effects: \(reason)"
    }
}
