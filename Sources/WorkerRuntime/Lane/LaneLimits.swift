import FleetModel

/// What the config says of a lane, read once for each config instead of for each update.
struct LaneLimits {
    let concurrency: Int
    let handlerTimeout: Duration
    let attempts: Int
    let retryBase: Duration
    let retryLongest: Duration
    let keepsOrder: Bool
    let parkAfter: Duration
    let parkOpen: Int
    let parkUnsent: Int
    let maxUnsent: Int
    let batchSize: Int
    let settleDelay: Duration
    /// Zero: never.
    let callbackExpiry: Duration
    let preCheckoutExpiry: Duration

    init(_ config: BotConfig) {
        concurrency = config.int("handler.concurrency")
        handlerTimeout = config.milliseconds("handler.timeout_ms")
        attempts = config.int("handler.attempts")
        retryBase = config.milliseconds("retry.base_ms")
        retryLongest = config.milliseconds("retry.max_ms")
        keepsOrder = config.bool("retry.keep_order")
        parkAfter = config.milliseconds("park.after_ms")
        parkOpen = config.int("park.max_open")
        parkUnsent = config.int("park.max_unsent")
        maxUnsent = config.int("send.max_unsent")
        batchSize = config.int("settle.batch_size")
        settleDelay = config.milliseconds("settle.delay_ms")
        callbackExpiry = .seconds(config.int("expiry.callback_s"))
        preCheckoutExpiry = .seconds(config.int("expiry.pre_checkout_s"))
    }

    /// After the given number of failed tries: doubled with each, less a random half at most, so that what failed
    /// together is not tried together again.
    func pause(after attempts: Int, using generator: inout some RandomNumberGenerator) -> Duration {
        let whole = min(retryLongest, retryBase * (1 << min(max(attempts, 1) - 1, 20)))
        return whole * Double.random(in: 0.5...1, using: &generator)
    }
}

/// SplitMix64 (Steele, Lea, Flood, 2014): small, and the same sequence for the same seed.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var x = state
        x = (x ^ (x >> 30)) &* 0xBF58_476D_1CE4_E5B9
        x = (x ^ (x >> 27)) &* 0x94D0_49BB_1331_11EB
        return x ^ (x >> 31)
    }
}
