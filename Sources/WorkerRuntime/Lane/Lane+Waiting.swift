import FleetModel

extension Lane {
    /// The next moment after `now` at which something is due although nothing else happens. What was due until `now` has
    /// been started, or waits for something else.
    func nextWake(now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        var moments: [ContinuousClock.Instant] = []
        if settling == nil, isOwned, let since = pendingSince ?? sends.marksSince {
            moments.append(since + config.milliseconds("settle.delay_ms"))
        }
        if let retry = retries.map(\.at).min() { moments.append(retry) }
        if let oldest = jobs.values.map(\.startedAt).min() {
            moments.append(oldest + config.milliseconds("handler.timeout_ms"))
        }
        if isOwned, sends.hasWaiting {
            if let holdUntil { moments.append(holdUntil) }
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
