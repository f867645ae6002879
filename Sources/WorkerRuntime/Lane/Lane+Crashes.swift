import FleetModel
import Store

/// Updates whose handler may have killed a worker run in a process of their own (``TrialPool``), so that the next crash
/// hits nobody else and says whose fault it is. See docs/decisions/0008-crash-attempts.md.
extension Lane {
    /// Crashes after which an update is given up, the one that made it a suspect included.
    static let crashAttempts = 3

    /// The predecessor's process ended without having said so: what it had been handed and had not settled is suspect,
    /// be it delivered again or waiting in the database.
    mutating func suspectPredecessor(term: Int64) {
        suspectsRedelivered = true
        suspectRowsBelow = term << 32
        for (tag, entry) in entries where entry.redelivered { entries[tag]?.isSuspect = true }
    }

    /// A suspect's process died while it did nothing else: the update is guilty.
    mutating func crashed(_ job: Job, _ entry: Entry, reason: String, now: ContinuousClock.Instant) {
        var entry = entry
        counters.failedAttempts += 1
        // The crash that made it a suspect counts, now that it is known to have been its.
        entry.attempts = max(entry.attempts, 1) + 1
        entry.isSuspect = true
        entries[entry.tag] = entry
        guard entry.attempts >= min(limits.attempts, Self.crashAttempts) else {
            return retry(entry, reason: reason, now: now)
        }
        let reason = "crashed its worker \(entry.attempts) times: \(reason)"
        finish(
            job.conversation, entry, .dead(reason: reason, attempts: entry.attempts, kind: .crash), now: now)
    }
}
