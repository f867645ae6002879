import BotKit
import DequeModule
import FleetModel

extension Lane {
    /// The next handler to run; `nil` when none may start now.
    mutating func takeJob(now: ContinuousClock.Instant) -> HandlerJob? {
        // The same as `mustPause`, in place: a call of a method that does not change the lane copies all of it first,
        // and this is asked for each update.
        guard isOwned, !isDraining, sends.unsent - sends.heldRows < limits.maxUnsent,
            pending.count < Self.pendingBound, jobs.count < limits.concurrency
        else { return nil }
        var barred: [Int64] = []
        defer { runnable.append(contentsOf: barred) }
        while let id = urgent.popFirst() ?? runnable.popFirst() {
            guard let conversation = conversations[id], conversation.job == nil, let tag = conversation.queue.first,
                let entry = entries[tag], !entry.doubtful, let session = conversation.session
            else { continue }
            // What came later must not overtake what waits in the database.
            if entry.row == nil, parked.isHeld(id) { continue }
            if entry.bornAt != nil, isExpired(entry, now: now) {
                finish(id, entry, .expired, now: now)
                continue
            }
            if let reason = poisoned[entry.update.id] {
                counters.failedAttempts += 1
                finish(id, entry, .dead(reason: reason, attempts: entry.attempts + 1, kind: .database), now: now)
                continue
            }
            // Should it fail, there would be no room for it.
            if entry.row == nil, parked.count >= Self.parkedBound {
                barred.append(id)
                continue
            }
            if !entry.isAlone, parkUnsent(id, now: now) { continue }
            lastJob += 1
            jobs[lastJob] = Job(conversation: id, tag: tag, startedAt: Moment(now))
            conversations[id]?.job = lastJob
            return HandlerJob(
                id: lastJob, update: entry.update, session: session, config: config, isSuspect: entry.isSuspect)
        }
        return nil
    }

    /// Handled updates that wait for a settlement; above it no handler starts.
    static let pendingBound = 4000

    /// The lane as a whole has to wait for settlements, or for Telegram.
    var mustPause: Bool { sends.backlog >= limits.maxUnsent || pending.count >= Self.pendingBound }

    /// The chat's head may be ready to run. Payments come before other chats' heads.
    mutating func makeRunnable(_ id: Int64) {
        if openPayments > 0, let head = conversations[id]?.queue.first, entries[head]?.update.isPayment == true {
            urgent.append(id)
        } else {
            runnable.append(id)
        }
    }

    mutating func handled(_ id: UInt64, _ result: HandlerResult, now: ContinuousClock.Instant) {
        guard let job = jobs.removeValue(forKey: id), var entry = entries[job.tag] else { return }
        switch result {
        case .effects(let effects):
            finish(job.conversation, entry, .effects(effects), now: now)
        case .gaveUp(let reason):
            counters.failedAttempts += 1
            finish(
                job.conversation, entry, .dead(reason: reason, attempts: entry.attempts + 1, kind: .handler), now: now)
        case .failed(let reason):
            counters.failedAttempts += 1
            entry.attempts += 1
            entries[job.tag]?.attempts = entry.attempts
            if entry.attempts >= limits.attempts {
                finish(
                    job.conversation, entry, .dead(reason: reason, attempts: entry.attempts, kind: .handler), now: now)
            } else {
                retry(entry, reason: reason, now: now)
            }
        case .crashed(let reason): crashed(job, entry, reason: reason, now: now)
        case .postponed(let reason): retry(entry, reason: reason, now: now)
        }
    }

    /// The head of a chat is done with; the next one's turn.
    mutating func finish(
        _ id: Int64, _ entry: Entry, _ outcome: Handled.Outcome, now: ContinuousClock.Instant
    ) {
        guard var conversation = conversations.removeValue(forKey: id) else { return }
        conversation.queue.removeFirst()
        conversation.job = nil
        if case .effects(let effects) = outcome, effects.sessionChanged {
            conversation.session = .some(effects.session)
        }
        conversation.unsettled += 1
        let isMore = !conversation.queue.isEmpty
        conversations[id] = conversation
        if isMore { makeRunnable(id) }
        pending.append(Handled(tag: entry.tag, conversation: id, outcome: outcome))
        if pendingSince == nil { pendingSince = now }
    }

    /// Puts something into the line of what waits for a settlement.
    mutating func append(_ handled: Handled, now: ContinuousClock.Instant) {
        conversations[handled.conversation]?.unsettled += 1
        pending.append(handled)
        if pendingSince == nil { pendingSince = now }
    }

    /// Jobs that ran out of time. The runner cancels them; their results will be dropped. A suspect may have waited for
    /// its process until now: whoever runs it looks at the time.
    mutating func expire(now: ContinuousClock.Instant) -> [UInt64] {
        if jobs.isEmpty { return [] }
        let limit = limits.handlerTimeout
        let expired = jobs.filter { _, job in
            now - job.startedAt.instant >= limit && entries[job.tag]?.isSuspect != true
        }.map(\.key).sorted()
        for id in expired { handled(id, .failed("the handler took longer than \(limit)"), now: now) }
        return expired
    }
}
