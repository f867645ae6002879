import Synchronization

/// A bot's lease as its poller sees it: good until a moment on this machine's clock, which goes on while the process is
/// stopped (`CLOCK_BOOTTIME`).
final class Lease: Sendable {
    typealias Instant = ContinuousClock.Instant
    private let end: Mutex<Instant?>

    init(end: Instant) { self.end = Mutex(end) }

    func isValid(at now: Instant) -> Bool { end.withLock { $0.map { now < $0 } ?? false } }
    /// `nil` when it was lost or given up.
    var validUntil: Instant? { end.withLock { $0 } }

    /// A lease that was lost stays lost.
    func prolong(to instant: Instant) { end.withLock { $0 = $0.map { max($0, instant) } } }
    func revoke() { end.withLock { $0 = nil } }
}
