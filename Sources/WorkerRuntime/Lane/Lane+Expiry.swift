import FleetModel

/// Queries that Telegram waits for no longer are settled without work: nobody would see the answer.
extension Lane {
    /// Older updates than that are taken for a wrong clock.
    static let oldestAge: Duration = .seconds(7 * 86_400)

    /// The moment an update came in, told by its age; `nil` when wall clocks must have jumped in between.
    static func bornAt(age: Duration, now: ContinuousClock.Instant) -> Moment? {
        age < .zero || age > oldestAge ? nil : Moment(now - age)
    }

    func isExpired(_ entry: Entry, now: ContinuousClock.Instant) -> Bool {
        guard let bornAt = entry.bornAt else { return false }
        let limit =
            switch entry.update.kind {
            case .callbackQuery: limits.callbackExpiry
            case .preCheckoutQuery: limits.preCheckoutExpiry
            default: Duration.zero
            }
        return limit > .zero && now - bornAt.instant > limit
    }
}

extension UpdateEnvelope {
    /// Telegram waits for an answer for a short time only.
    var hasDeadline: Bool { kind == .callbackQuery || kind == .preCheckoutQuery }
}
