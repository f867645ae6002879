/// What refusals teach about a rate: each repetition lowers it, quiet time raises it back.
///
/// The first 429 after a quiet time changes nothing: waiting as long as it asks is enough. A value with the time
/// injected.
public struct LearnedRate: Sendable, Equatable {
    public typealias Instant = ContinuousClock.Instant

    /// What one repetition leaves.
    static let cut = 0.8
    static let lowest = 0.05
    /// Refusals closer together than this answer calls that were under way at the same time: they count as one.
    static let burst: Duration = .milliseconds(500)
    /// A refusal within so long after another is a repetition, and so long nothing is raised.
    static let patience: Duration = .seconds(30)
    /// From the lowest rate back to the configured one.
    static let recovery: Duration = .seconds(300)

    private var lowered = 1.0
    private var refusedAt: Instant?

    public init() {}

    /// What is left of the configured rate: above 0, at most 1.
    public func factor(now: Instant) -> Double {
        guard let refusedAt, lowered < 1 else { return 1 }
        let quiet = now - refusedAt - Self.patience
        return quiet <= .zero ? lowered : min(1, lowered + quiet / Self.recovery)
    }

    public mutating func refused(now: Instant) {
        if let refusedAt {
            if now - refusedAt < Self.burst { return }
            let present = factor(now: now)
            lowered = now - refusedAt < Self.patience ? max(Self.lowest, present * Self.cut) : present
        }
        refusedAt = now
    }

    /// Nothing is left of what it learned from then on.
    var forgettableAt: Instant? { refusedAt.map { $0 + Self.patience + Self.recovery * (1 - lowered) } }
}
