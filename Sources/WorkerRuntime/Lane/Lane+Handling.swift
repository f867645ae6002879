import BotKit
import DequeModule
import FleetModel

extension Lane {
    /// The next handler to run; `nil` when none may start now.
    mutating func takeJob(now: ContinuousClock.Instant) -> HandlerJob? {
        guard isOwned, !isDraining, sends.unsent < config.int("send.max_unsent"),
            pending.count < Self.pendingBound, jobs.count < config.int("handler.concurrency")
        else { return nil }
        while let id = runnable.popFirst() {
            guard let conversation = conversations[id], conversation.job == nil, let tag = conversation.queue.first,
                let entry = entries[tag], !entry.doubtful, let session = conversation.session
            else { continue }
            lastJob += 1
            jobs[lastJob] = Job(conversation: id, tag: tag, startedAt: now)
            conversations[id]?.job = lastJob
            if let reason = poisoned[tag] {
                handled(lastJob, .gaveUp(reason), now: now)
                continue
            }
            return HandlerJob(id: lastJob, update: entry.update, session: session, config: config)
        }
        return nil
    }

    /// Handled updates that wait for a settlement; above it no handler starts.
    static let pendingBound = 4000

    mutating func handled(_ id: UInt64, _ result: HandlerResult, now: ContinuousClock.Instant) {
        guard let job = jobs.removeValue(forKey: id), var entry = entries[job.tag] else { return }
        switch result {
        case .effects(let effects):
            finish(job, .effects(effects), now: now)
        case .gaveUp(let reason):
            counters.failedAttempts += 1
            finish(job, .dead(reason: reason, attempts: entry.attempts + 1), now: now)
        case .failed(let reason):
            counters.failedAttempts += 1
            entry.attempts += 1
            entries[job.tag] = entry
            if entry.attempts >= config.int("handler.attempts") {
                finish(job, .dead(reason: reason, attempts: entry.attempts), now: now)
            } else {
                // The chat waits; `job` stays set so that nothing of it overtakes.
                let delay = Duration.milliseconds(50) * (1 << min(entry.attempts - 1, 6))
                retries.append((now + delay, job.conversation))
            }
        }
    }

    private mutating func finish(_ job: Job, _ outcome: Handled.Outcome, now: ContinuousClock.Instant) {
        guard var conversation = conversations.removeValue(forKey: job.conversation) else { return }
        conversation.queue.removeFirst()
        conversation.job = nil
        conversation.unsettled += 1
        if case .effects(let effects) = outcome, effects.sessionChanged {
            conversation.session = .some(effects.session)
        }
        if !conversation.queue.isEmpty { runnable.append(job.conversation) }
        conversations[job.conversation] = conversation
        pending.append(Handled(tag: job.tag, conversation: job.conversation, outcome: outcome))
        if pendingSince == nil { pendingSince = now }
    }

    /// Jobs that ran out of time. The runner cancels them; their results will be dropped.
    mutating func expire(now: ContinuousClock.Instant) -> [UInt64] {
        let limit = config.milliseconds("handler.timeout_ms")
        let expired = jobs.filter { now - $0.value.startedAt >= limit }.map(\.key).sorted()
        for id in expired { handled(id, .failed("the handler took longer than \(limit)"), now: now) }
        return expired
    }

    /// Lets failed chats whose pause is over try again.
    mutating func resumeRetries(now: ContinuousClock.Instant) {
        for retry in retries where retry.at <= now {
            conversations[retry.conversation]?.job = nil
            runnable.append(retry.conversation)
        }
        retries.removeAll { $0.at <= now }
    }
}
