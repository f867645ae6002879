/// A moment that what is kept for each update can hold.
///
/// `ContinuousClock.Instant` may have another layout in another release of Swift, so the compiler lays out a struct that
/// contains one at run time, and copies it field by field through tables: some thousand instructions for each update.
/// A `Duration` is fixed.
struct Moment: Equatable, Sendable {
    private let sinceStart: Duration

    private static let start = ContinuousClock.now

    init(_ instant: ContinuousClock.Instant) { sinceStart = instant - Self.start }

    var instant: ContinuousClock.Instant { Self.start + sinceStart }
}
