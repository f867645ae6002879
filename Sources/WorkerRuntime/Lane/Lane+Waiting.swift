import FleetModel

extension Lane {
    /// The next moment after `now` at which something is due although nothing else happens. What was due until `now` has
    /// been started, or waits for something else.
    func nextWake(now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        var moments: [ContinuousClock.Instant] = []
        if settling == nil, isOwned, let since = pendingSince ?? sends.marksSince {
            moments.append(since + limits.settleDelay)
        }
        if isOwned, let seal, !seal.isNoted, let retryAt = seal.retryAt { moments.append(retryAt) }
        for job in jobs.values {
            moments.append(job.startedAt.instant + limits.handlerTimeout)
            if !job.isSlow { moments.append(job.startedAt.instant + limits.parkAfter) }
        }
        if isOwned, reading == nil, !isDraining, let due = parked.nextDue { moments.append(due) }
        if isOwned, let holdUntil { moments.append(holdUntil) }
        if isOwned, sends.hasWaiting {
            moments.append(leaseUntil - Self.sendLease / 2)
            if let send = sends.nextWake { moments.append(send) }
        }
        return moments.filter { $0 > now }.min()
    }

    /// Everything begun is committed, acked, sent and marked. What was delivered and not begun stays with the broker.
    var isDrained: Bool {
        isDraining && jobs.isEmpty && pending.isEmpty && settling == nil && acks.isEmpty && sends.isIdle
    }
}
