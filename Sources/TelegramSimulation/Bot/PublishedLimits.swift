/// How fast a bot may send, as Telegram publishes it (core.telegram.org/bots/faq, "My bot is hitting limits").
///
/// Times are microseconds; the clock is the caller's.
enum PublishedLimits {
    static let second: Int64 = 1_000_000
    /// "no more than about 30 messages per second" over all chats.
    static let bot = (count: 30, span: second)
    /// "not … more than 20 messages per minute" to one group.
    static let group = (count: 20, span: 60 * second)
    /// "no more than one message per second" in one chat; short bursts are allowed, here of three.
    static let chatInterval = second
    static let chatBurst: Int64 = 3
}

/// At most `count` events within any `span`: a ring of the last times.
struct SlidingWindow: Sendable {
    private let count: Int
    private let span: Int64
    private var times: [Int64] = []
    private var oldest = 0

    init(_ limit: (count: Int, span: Int64)) {
        count = limit.count
        span = limit.span
    }

    /// Microseconds until the next event is allowed; 0: now.
    func wait(now: Int64) -> Int64 {
        times.count < count ? 0 : max(0, times[oldest] + span - now)
    }

    mutating func record(now: Int64) {
        if times.count < count {
            times.append(now)
        } else {
            times[oldest] = now
            oldest = (oldest + 1) % count
        }
    }
}

/// One event an interval with a burst (generic cell rate algorithm): a single number of state, fit for many chats.
struct Pace: Sendable {
    private var nextDue: Int64 = 0

    func wait(now: Int64, interval: Int64, burst: Int64) -> Int64 {
        max(0, nextDue - (burst - 1) * interval - now)
    }

    mutating func record(now: Int64, interval: Int64) { nextDue = max(nextDue, now) + interval }
}
