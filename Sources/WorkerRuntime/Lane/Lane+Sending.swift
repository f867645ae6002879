import FleetModel
import Store

/// When this owner may send: not while a predecessor still could, and not longer than it is sure to be the owner.
extension Lane {
    /// For so long after the database last confirmed the lane's term, calls to Telegram may be begun. ContinuousClock is
    /// CLOCK_BOOTTIME on Linux: it runs on while a process is stopped or a machine sleeps. Shorter than the broker takes
    /// to give the lane of one that hangs to somebody else (two of its heartbeats at least,
    /// ``WorkerSettings/consumerHeartbeat``), so an owner that wakes after its lane was taken begins no call.
    static let sendLease: Duration = .seconds(3)
    /// For clocks that do not run alike, and a call begun in the last moment.
    static let sendMargin: Duration = .seconds(2)

    /// The term was raised. `unsent` is what the outbox holds, which may be a predecessor's.
    /// - Parameter moment: before the claim was sent.
    mutating func claimed(
        _ claim: LaneClaim, unsent: [OutboxRow], waiting: [WaitingHead] = [], predecessor: Predecessor,
        asOf moment: ContinuousClock.Instant, now: ContinuousClock.Instant
    ) {
        ownership = .owned(term: claim.term)
        rowID = claim.id
        lastSequence = claim.term << 32
        leaseUntil = moment + Self.sendLease
        hold(claim, unsent, predecessor, now: now)
        sends.owned(now: now)
        sends.reload(unsent, now: now)
        countSends()
        if predecessor.mayHaveCrashed { suspectPredecessor(term: claim.term) }
        takeOver(waiting, now: now)
    }

    /// How long a predecessor may go on after its lane was taken: until its lease is over, and the last call it began.
    private var afterlife: Duration { Self.sendLease + config.milliseconds("send.timeout_ms") + Self.sendMargin }

    /// Chats of which a predecessor may be sending are held; all others need not wait. A dead predecessor may have had
    /// one that lives: what that one left has a term older than the dead one's, and its time began when the dead one
    /// took the lane.
    private mutating func hold(
        _ claim: LaneClaim, _ unsent: [OutboxRow], _ predecessor: Predecessor, now: ContinuousClock.Instant
    ) {
        var rows = unsent
        var lasting = afterlife
        switch predecessor {
        case .none: return
        case .alive, .mayLive: break
        case .stopped, .dead:
            rows.removeAll { $0.term >= claim.term - 1 }
            lasting -= claim.previousClaimAge ?? .zero
        }
        sends.forgetBegun()
        if rows.isEmpty || lasting <= .zero { return }
        sends.hold(Set(rows.map(\.conversation)))
        holdUntil = max(holdUntil ?? now + lasting, now + lasting)
    }

    /// Messages to send now.
    mutating func takeSends(now: ContinuousClock.Instant) -> [OutboxRow] {
        guard isOwned, now < leaseUntil else { return [] }
        return sends.take(now: now)
    }

    /// The held chats whose outbox must be read again: the time a predecessor had is over, and what it sent meanwhile it
    /// has marked. No settlement may run beside the reading, or its rows would be missed.
    mutating func takeReread(now: ContinuousClock.Instant) -> [Int64]? {
        guard isOwned, let holdUntil, now >= holdUntil, settling == nil, !isRereading else { return nil }
        isRereading = true
        return sends.held.sorted()
    }

    mutating func reread(_ rows: [OutboxRow], now: ContinuousClock.Instant) {
        guard isRereading else { return }
        isRereading = false
        holdUntil = nil
        sends.release(rows, now: now)
        countSends()
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
        switch answer {
        case .sent: counters.sent += 1
        case .notBegun: break
        default: counters.sendErrors += 1
        }
        sends.finished(seq, answer, now: now)
        countSends()
    }

    mutating func countSends() {
        counters.unsent = Int64(sends.unsent)
        counters.refused = sends.tally.refused
        counters.ambiguous = sends.tally.ambiguous
        counters.blocked = sends.tally.blocked
        counters.rateLimited = sends.tally.rateLimited
    }

    /// What sending has to say goes into the settlement with its marks. A chat that has spoken in it is not blocked.
    mutating func record(_ batch: inout InFlightSettlement, in settlement: inout Settlement) {
        for event in batch.report.events { settlement.record(event) }
        for id in batch.lifted.sorted() { settlement.unblock(conversation: id) }
        var named = batch.lifted
        for block in batch.report.blocks.reversed() where named.insert(block.conversation).inserted {
            settlement.block(conversation: block.conversation, reason: block.reason)
        }
    }
}
