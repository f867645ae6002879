import Store

/// The end of an epoch. What a lane was given before the seal is finished; nothing that comes after is taken up: it
/// belongs to the next epoch, or is what a stale mover left.
extension Lane {
    /// The seal of this lane's epoch, as it was delivered.
    struct Seal {
        let tag: UInt64
        var isNoting = false
        /// The database was not ready for it: something of the lane still waits there.
        var retryAt: ContinuousClock.Instant?
        /// Noted in the database. The lane is over.
        var isNoted = false
    }

    static let sealPause: Duration = .milliseconds(250)

    /// A seal was delivered. One of an earlier epoch says nothing any more; one of a later epoch cannot be here.
    mutating func met(sealOf epoch: Int64, tag: UInt64, now: ContinuousClock.Instant) {
        if epoch == Int64(self.epoch) {
            seal = Seal(tag: tag)
        } else if epoch < Int64(self.epoch) {
            acks.settled(tag)
        } else {
            unreadable.append((tag, [], "it seals epoch \(epoch), and this is epoch \(self.epoch)"))
            if pendingSince == nil { pendingSince = now }
        }
    }

    /// Whether the runner has to note the seal now: all that came before it is settled, sent and marked.
    mutating func takeSeal(now: ContinuousClock.Instant) -> Bool {
        guard isOwned, let seal, !seal.isNoting, !seal.isNoted, seal.retryAt.map({ now >= $0 }) ?? true,
            entries.isEmpty, parkedRows == 0, pending.isEmpty, unreadable.isEmpty, settling == nil, sends.unsent == 0,
            sends.marksSince == nil, !isRereading
        else { return false }
        self.seal?.isNoting = true
        return true
    }

    /// - Parameter isNoted: `false` when updates or messages of the lane still wait in the database.
    mutating func sealed(_ isNoted: Bool, now: ContinuousClock.Instant) {
        guard var seal else { return }
        seal.isNoting = false
        seal.isNoted = isNoted
        seal.retryAt = now + Self.sealPause
        if isNoted { acks.settled(seal.tag) }
        self.seal = seal
    }

    /// The lane's epoch is over for it, and the seal may be acked.
    var isSealed: Bool { seal?.isNoted ?? false }
}
