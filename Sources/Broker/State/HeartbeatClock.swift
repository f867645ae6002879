/// When to send a heartbeat and when the peer counts as dead. AMQP 0-9-1 section 4.2.7.
struct HeartbeatClock {
    enum Action: Equatable {
        case none
        case send
        case peerIsDead
    }

    let interval: Duration
    private var lastSent: ContinuousClock.Instant
    private var lastReceived: ContinuousClock.Instant

    init(interval: Duration, now: ContinuousClock.Instant) {
        self.interval = interval
        lastSent = now
        lastReceived = now
    }

    /// Any bytes count as a heartbeat.
    mutating func received(at now: ContinuousClock.Instant) { lastReceived = now }
    mutating func sent(at now: ContinuousClock.Instant) { lastSent = now }

    /// What is due now.
    func action(at now: ContinuousClock.Instant) -> Action {
        if now >= lastReceived + interval * 2 { return .peerIsDead }
        return now >= lastSent + interval / 2 ? .send : .none
    }

    /// When to look again.
    var next: ContinuousClock.Instant { min(lastSent + interval / 2, lastReceived + interval * 2) }
}
