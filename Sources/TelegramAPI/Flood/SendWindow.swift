import DequeModule

/// At most `count` calls within any `span`, as their receiver sees it.
///
/// A call arrives at some moment between its start and its answer, so it counts from its start until `span` after its
/// answer. Then no delay on the way can let the receiver see more than `count` within a `span`; the price is one round
/// trip in each span. A bucket filled at a rate does not give that: what it lets out evenly may arrive in a bunch.
///
/// A value with the time injected. Times of one window do not go backwards.
public struct SendWindow: Sendable {
    public typealias Instant = ContinuousClock.Instant

    /// How much is allowed.
    public struct Allowance: Sendable, Equatable {
        /// At least 1.
        public let count: Int
        public let span: Duration

        /// The largest whole count that is no more than `number` per `span`; for a fraction of one, one in a longer
        /// span. `number` is raised to a ten-thousandth.
        public init(_ number: Double, per span: Duration) {
            let number = max(number, 0.000_1)
            count = max(1, Int(min(number, 1_000_000)))
            self.span = number >= 1 ? span : span / number
        }
    }

    public var allowance: Allowance
    /// Begun, not answered.
    private var open = 0
    /// When those within the last span were answered, oldest first.
    private var answered: Deque<Instant> = []

    public init(_ allowance: Allowance) { self.allowance = allowance }

    /// Calls that may begin now.
    public mutating func room(now: Instant) -> Int {
        while let first = answered.first, first + allowance.span <= now { answered.removeFirst() }
        return max(0, allowance.count - open - answered.count)
    }

    /// When there is room for one, `now` at the earliest; `nil`: not before a call under way is answered.
    public func opens(now: Instant) -> Instant? {
        // So many answers have to be forgotten.
        let excess = open + answered.count - allowance.count
        if excess < 0 { return now }
        return excess < answered.count ? max(now, answered[excess] + allowance.span) : nil
    }

    public mutating func begin(_ count: Int = 1) { open += count }

    /// Calls were answered, or given up.
    public mutating func end(_ count: Int = 1, now: Instant) {
        for _ in 0..<min(count, open) { answered.append(now) }
        open = max(0, open - count)
    }

    /// Calls begun that were never made.
    public mutating func takeBack(_ count: Int) { open = max(0, open - count) }

    /// It is as good as new from then on.
    var forgettableAt: Instant? { answered.last.map { $0 + allowance.span } }
}
