/// Exponential backoff with full jitter: the n-th delay is drawn evenly from `floor ... min(cap, floor * 2^n)`.
public struct Backoff: Sendable {
    public let floor: Duration
    public let cap: Duration
    private var attempt = 0

    public init(floor: Duration = .milliseconds(100), cap: Duration = .seconds(10)) {
        self.floor = floor
        self.cap = cap
    }

    public mutating func next() -> Duration {
        var generator = SystemRandomNumberGenerator()
        return next(using: &generator)
    }

    public mutating func next(using generator: inout some RandomNumberGenerator) -> Duration {
        let ceiling = min(cap, floor * (1 << min(attempt, 20)))
        attempt += 1
        let fraction = Double.random(in: 0...1, using: &generator)
        return floor + (max(ceiling, floor) - floor) * fraction
    }

    public mutating func reset() { attempt = 0 }
}
