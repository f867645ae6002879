import FleetModel

/// What part of its bot's rate a process may use.
///
/// A process that owns all lanes of the bot has all of it. Where others own some, each renews its share once a second
/// while messages wait: it says how many, is told what the others said, and works out by the same rule as they what is
/// fair (``fair(rate:demands:)``). The database gives no more than the others have left, so that the shares never add up
/// to more than the rate. A share that grew counts a second later: until then the window of the one that gave it up may
/// still hold what it sent.
///
/// A value with the time injected.
struct RateLease {
    typealias Instant = ContinuousClock.Instant
    typealias Share = (worker: Incarnation, demand: Double, share: Double)

    /// What to tell the database.
    struct Ask: Equatable {
        var demand: Double
        var wanted: Double
        var rate: Double
        var blocked: Duration = .zero
    }

    static let interval: Duration = .seconds(1)
    /// Between renewals while the share is smaller than fair.
    static let hurry: Duration = .milliseconds(250)
    /// Without renewal for so long the share counts no more; others take it after three seconds.
    static let validity: Duration = .seconds(2)
    /// Renewed for so long after messages last waited, so that the next one finds a share.
    static let linger: Duration = .seconds(10)

    /// The bot's, in messages a second.
    var rate = 30.0
    var ownLanes = 0
    var allLanes = 1
    /// Others must be told something at once.
    var isUrgent = false

    private var demand = 0.0
    private var wantedAt: Instant?
    private var granted: (share: Double, until: Instant)?
    private var raise: (share: Double, from: Instant)?
    /// What to ask for next; what was given last may have been less.
    private var fair: Double?
    private var given: Double?
    private var askedAt: Instant?
    private var isAsking = false
    private var isCutOff = false

    /// The only lane of a bot is wholly its owner's.
    private var isShared: Bool { allLanes > 1 && ownLanes < allLanes }
    private var laneShare: Double { rate * Double(ownLanes) / Double(max(1, allLanes)) }

    /// Messages a second this process may send now.
    func share(now: Instant) -> Double {
        if !isShared { return rate }
        guard let granted, now < granted.until else {
            // Somebody else may have all the rest: until the database has answered, one a second.
            let isLate = isAsking && askedAt.map { now - $0 > Self.interval } ?? false
            return isCutOff || isLate ? laneShare : min(1, laneShare)
        }
        if let raise, now >= raise.from { return raise.share }
        return granted.share
    }

    /// So many messages wait.
    /// - Returns: whether somebody has to be told that a renewal is due.
    mutating func wants(_ count: Int, now: Instant) -> Bool {
        if !isShared { return false }
        // Smoothed, so that shares do not wander with every batch.
        demand = demand == 0 ? Double(count) : (demand * 3 + Double(count)) / 4
        if count == 0 { return false }
        let isNew = wantedAt.map { now - $0 > Self.linger } ?? true
        wantedAt = now
        return isNew
    }

    // MARK: Renewal

    mutating func takeAsk(now: Instant) -> Ask? {
        guard let due = nextAsk(now: now), due <= now else { return nil }
        isAsking = true
        isUrgent = false
        askedAt = now
        return Ask(demand: demand, wanted: fair ?? laneShare, rate: rate)
    }

    func nextAsk(now: Instant) -> Instant? {
        guard isShared, !isAsking else { return nil }
        if isUrgent { return now }
        guard let wantedAt, now - wantedAt < Self.linger else { return nil }
        guard let askedAt else { return now }
        let isShort = given.map { $0 < fair ?? 0 } ?? false
        return max(now, askedAt + (isShort ? Self.hurry : Self.interval))
    }

    mutating func answered(_ shares: [Share], own: Incarnation, now: Instant) {
        guard isAsking, let askedAt else { return }
        let present = share(now: now)
        isAsking = false
        isCutOff = false
        let shares = shares.sorted { $0.worker.rawValue < $1.worker.rawValue }
        guard let index = shares.firstIndex(where: { $0.worker == own }) else { return }
        let given = shares[index].share
        // Nobody else had it: nothing has to leave anybody's window.
        let isAlone = shares.count == 1
        if given > present && !isAlone {
            let from = raise.map { $0.share == given ? $0.from : nil } ?? nil
            raise = (given, from ?? now + Self.interval)
            granted = (present, askedAt + Self.validity)
        } else {
            raise = nil
            granted = (given, askedAt + Self.validity)
        }
        self.given = given
        fair = next(after: given, shares, index)
    }

    mutating func failed(now: Instant) {
        isAsking = false
        isCutOff = true
    }

    /// What to ask for next: the fair share, but not less because of a trifle, or shares would never rest.
    private func next(after given: Double, _ shares: [Share], _ index: Int) -> Double {
        let fair = Self.fair(rate: rate, demands: shares.map(\.demand))[index]
        return fair < given && given - fair <= max(1, given / 10) ? given : fair
    }

    /// Divides `rate` among processes of which so many messages wait: whole numbers, half of an equal part for each that
    /// has something to send (one for the others), the rest by demand. They add up to the whole part of `rate`; a rate
    /// below one for each is divided evenly.
    static func fair(rate: Double, demands: [Double]) -> [Double] {
        let whole = rate.rounded(.down)
        let count = Double(demands.count)
        if demands.isEmpty { return [] }
        if whole < count { return demands.map { _ in rate / count } }
        let half = max(1, (whole / count / 2).rounded(.down))
        var shares = demands.map { max(1, min(half, $0.rounded(.up))) }
        let rest = whole - shares.reduce(0, +)
        let total = demands.reduce(0, +)
        let exact = demands.map { total > 0 ? rest * $0 / total : rest / count }
        for index in shares.indices { shares[index] += exact[index].rounded(.down) }
        // Largest remainder: what rounding down left goes, one each, to those who lost most by it.
        let left = Int(whole - shares.reduce(0, +))
        let order = exact.indices.sorted {
            let (a, b) = (exact[$0] - exact[$0].rounded(.down), exact[$1] - exact[$1].rounded(.down))
            return a == b ? $0 < $1 : a > b
        }
        for index in order.prefix(left) { shares[index] += 1 }
        return shares
    }
}
