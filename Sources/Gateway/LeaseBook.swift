import FleetModel

/// The leases this gateway holds. A value with the time injected.
///
/// The server's clock decides who holds a lease. Here its end is counted from before the request that got it was sent,
/// less a margin, so this side always believes in an earlier end than the server does.
struct LeaseBook {
    typealias Instant = ContinuousClock.Instant

    private let term: Duration
    private var leases: [BotID: Lease] = [:]

    init(ttl: Duration, margin: Duration) { term = ttl - margin }

    var bots: [BotID] { leases.keys.sorted() }
    var count: Int { leases.count }
    var nextEnd: Instant? { leases.values.compactMap(\.validUntil).min() }

    func holds(_ bot: BotID) -> Bool { leases[bot] != nil }
    func lease(of bot: BotID) -> Lease? { leases[bot] }
    func revokeAll() { for lease in leases.values { lease.revoke() } }

    /// The server granted it.
    mutating func granted(_ bot: BotID, requestedAt: Instant) -> Lease {
        let lease = Lease(end: requestedAt + term)
        leases[bot] = lease
        return lease
    }

    /// The server answered a renewal of `asked`.
    /// - Returns: those that are lost, revoked already.
    mutating func renewed(_ renewed: Set<BotID>, of asked: [BotID], requestedAt: Instant) -> [BotID] {
        for bot in renewed { leases[bot]?.prolong(to: requestedAt + term) }
        return asked.filter { !renewed.contains($0) && drop($0) }
    }

    /// - Returns: those whose time is over, revoked already.
    mutating func expire(now: Instant) -> [BotID] {
        bots.filter { leases[$0]?.isValid(at: now) == false && drop($0) }
    }

    /// Forgets a lease.
    /// - Returns: whether there was one.
    @discardableResult
    mutating func drop(_ bot: BotID) -> Bool {
        guard let lease = leases.removeValue(forKey: bot) else { return false }
        lease.revoke()
        return true
    }
}
