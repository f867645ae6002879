/// Counts of latencies in buckets whose width is about 1 % of their value: percentiles of any number of values in
/// constant memory.
public struct LatencyHistogram: Sendable, Equatable {
    /// Buckets for each doubling of the value.
    private static let perDoubling = 64
    /// From one microsecond up over 40 doublings: some twelve days.
    private var counts = [Int](repeating: 0, count: 40 * 64)
    public private(set) var count = 0
    /// Exact.
    public private(set) var maximum: Double = 0

    public init() {}

    /// - Parameter milliseconds: negative values, which differing clocks can produce, count as 0.
    public mutating func add(milliseconds: Double) {
        let value = max(0, milliseconds)
        counts[Self.bucket(value)] += 1
        count += 1
        maximum = max(maximum, value)
    }

    /// The value below which `share` (0...1) of all lie, to about 1 %; `nil` when there are none.
    public func percentile(_ share: Double) -> Double? {
        guard count > 0 else { return nil }
        let rank = max(1, Int((Double(count) * share).rounded(.up)))
        var seen = 0
        for (index, bucket) in counts.enumerated() {
            seen += bucket
            if seen >= rank { return min(Self.middle(index), maximum) }
        }
        return maximum
    }

    public var summary: LatencySummary? {
        guard let p50 = percentile(0.5), let p99 = percentile(0.99) else { return nil }
        return LatencySummary(p50: p50, p99: p99, max: maximum)
    }

    /// Linear within each doubling.
    private static func bucket(_ milliseconds: Double) -> Int {
        let microseconds = milliseconds * 1000
        guard microseconds >= 1 else { return 0 }
        let doubling = min(39, Int(microseconds.exponent))
        let within = microseconds.significand - 1
        return doubling * perDoubling + min(perDoubling - 1, Int(within * Double(perDoubling)))
    }

    private static func middle(_ bucket: Int) -> Double {
        let start = Double(sign: .plus, exponent: bucket / perDoubling, significand: 1)
        let width = start / Double(perDoubling)
        return (start + (Double(bucket % perDoubling) + 0.5) * width) / 1000
    }
}

/// Milliseconds.
public struct LatencySummary: Sendable, Equatable, Codable {
    public var p50: Double
    public var p99: Double
    public var max: Double

    public init(p50: Double, p99: Double, max: Double) {
        self.p50 = p50
        self.p99 = p99
        self.max = max
    }

    public var text: String {
        "p50 \(NumberText.fixed(p50)) ms, p99 \(NumberText.fixed(p99)) ms, max \(NumberText.fixed(max)) ms"
    }
}
