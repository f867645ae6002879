import Glibc

/// The system's words for `errno`.
func systemText(_ code: Int32 = errno) -> String { String(cString: strerror(code)) }

/// A moment on the monotonic clock by which something must be done.
struct Deadline: Sendable {
    let instant: ContinuousClock.Instant

    init(after duration: Duration) { instant = .now + duration }

    var hasPassed: Bool { ContinuousClock.now >= instant }

    /// Milliseconds left, at least 0, for poll(2); at most `cap`.
    func milliseconds(atMost cap: Int32 = .max) -> Int32 {
        let left = (instant - ContinuousClock.now).components
        if left.seconds < 0 || left.attoseconds < 0 { return 0 }
        if left.seconds > 100_000 { return cap }
        return min(cap, Int32(left.seconds * 1000 + left.attoseconds / 1_000_000_000_000_000) + 1)
    }
}
