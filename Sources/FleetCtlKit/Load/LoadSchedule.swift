/// How many updates are due when: an even rate over a time.
public struct LoadSchedule: Sendable, Equatable {
    /// A second, over all bots.
    public let rate: Double
    public let duration: Duration

    public init(rate: Double, duration: Duration) {
        self.rate = rate
        self.duration = duration
    }

    public var total: Int { Int((rate * duration.inSeconds).rounded()) }

    /// Updates due from the start until `elapsed`. What was late is made up for at once, so that a slow moment does
    /// not hide in the rate.
    public func due(after elapsed: Duration) -> Int {
        elapsed >= duration ? total : min(total, Int(rate * elapsed.inSeconds))
    }

    /// When the update with this index is due, counted from the start.
    public func dueTime(of index: Int) -> Duration { .milliseconds(Int64(Double(index) / rate * 1000)) }
}
