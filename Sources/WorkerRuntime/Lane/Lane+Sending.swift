import FleetModel
import Store

/// When this owner may send: not while a predecessor still could, and not longer than it is sure to be the owner.
extension Lane {
    /// For so long after the database last confirmed the lane's term, calls to Telegram may be begun. ContinuousClock is
    /// CLOCK_BOOTTIME on Linux: it runs on while a process is stopped or a machine sleeps, so an owner that wakes after
    /// its lane was taken begins no call.
    static let sendLease: Duration = .seconds(10)
    /// For clocks that do not run alike, and a call begun in the last moment.
    static let sendMargin: Duration = .seconds(2)

    /// The term was raised. `unsent` is what the outbox holds, which may be a predecessor's.
    /// - Parameter moment: before the claim was sent.
    mutating func claimed(
        _ claim: LaneClaim, unsent: [OutboxRow], waiting: [WaitingHead] = [], predecessorMayLive: Bool,
        asOf moment: ContinuousClock.Instant, now: ContinuousClock.Instant
    ) {
        ownership = .owned(term: claim.term)
        rowID = claim.id
        lastSequence = claim.term << 32
        leaseUntil = moment + Self.sendLease
        if predecessorMayLive {
            let hold = now + Self.sendLease + config.milliseconds("send.timeout_ms") + Self.sendMargin
            holdUntil = max(holdUntil ?? hold, hold)
        }
        sends.reload(unsent)
        counters.unsent = Int64(sends.unsent)
        takeOver(waiting, now: now)
    }

    /// Messages to send now.
    mutating func takeSends(now: ContinuousClock.Instant) -> [OutboxRow] {
        guard isOwned, holdUntil == nil, now < leaseUntil else { return [] }
        return sends.take(now: now)
    }

    /// Whether the outbox must be read again: the time a predecessor had is over, and what it sent meanwhile it has
    /// marked. No settlement may run beside the reading, or its rows would be missed.
    mutating func takeReread(now: ContinuousClock.Instant) -> Bool {
        guard isOwned, let holdUntil, now >= holdUntil, settling == nil, !isRereading else { return false }
        isRereading = true
        return true
    }

    mutating func reread(_ rows: [OutboxRow]) {
        guard isRereading else { return }
        isRereading = false
        holdUntil = nil
        sends.reload(rows)
        counters.unsent = Int64(sends.unsent)
    }

    mutating func rereadFailed() { isRereading = false }

    /// Whether the database has to be asked for the lease: messages wait, it is half over, and no settlement will
    /// renew it.
    mutating func takeRenewal(now: ContinuousClock.Instant) -> Bool {
        guard isOwned, sends.hasWaiting, settling == nil, !isRenewing, now >= leaseUntil - Self.sendLease / 2 else {
            return false
        }
        isRenewing = true
        return true
    }

    mutating func renewed(asOf moment: ContinuousClock.Instant) {
        isRenewing = false
        leaseUntil = max(leaseUntil, moment + Self.sendLease)
    }

    mutating func renewFailed() { isRenewing = false }

    /// A call to Telegram was answered.
    mutating func sendEnded(_ seq: Int64, _ answer: SendQueue.Answer, now: ContinuousClock.Instant) {
        if case .sent = answer { counters.sent += 1 } else { counters.sendErrors += 1 }
        sends.finished(seq, answer, now: now)
        counters.unsent = Int64(sends.unsent)
    }
}
