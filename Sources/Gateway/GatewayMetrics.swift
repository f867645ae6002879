import Synchronization

/// What a gateway has done since it started. Counts only grow.
public struct GatewayMetrics: Sendable, Equatable {
    /// Answers to `getUpdates`, empty ones included.
    public var polls = 0
    public var pollFailures = 0
    /// 409 by another poller.
    public var conflicts = 0
    public var updatesReceived = 0
    public var updatesConfirmed = 0
    /// Publications the broker refused, had no queue for, or left open.
    public var publishFailures = 0
    public var tokensRefused = 0
    /// Requests of webhooks answered with 200.
    public var requestsTaken = 0
    /// Those answered with 503.
    public var requestsRefused = 0
    /// Those of an unknown path or with a wrong secret.
    public var requestsForeign = 0
    public var leasesTaken = 0
    public var leasesLost = 0

    public init() {}
}

/// Shared by all pollers and requests; touched once a round trip.
final class GatewayCounters: Sendable {
    private let values = Mutex(GatewayMetrics())
    func count(_ body: (inout GatewayMetrics) -> Void) { values.withLock { body(&$0) } }
    var snapshot: GatewayMetrics { values.withLock { $0 } }
}
