/// A bot's webhook: where updates go, which are under way, which wait to be tried again. A value without a clock.
///
/// At most `maxConnections` updates are in hand at a time, and they are the oldest ones. So with one connection a
/// failing update holds up those after it, and order is kept.
struct Webhook: Sendable {
    let url: String
    let secret: String?
    /// 1…100. Bot API, "setWebhook"; 40 when it is not given.
    let maxConnections: Int
    private(set) var slots: [Slot] = []
    private(set) var lastError: (at: Int64, text: String)?

    /// An update in hand.
    struct Slot: Sendable {
        let update: Int64
        var failures = 0
        /// Microseconds since 1970 of the next try; `nil` while one is under way.
        var dueAt: Int64?
    }

    /// Microseconds before the second try; each further pause is twice as long, up to the last.
    static let firstPause: Int64 = 100_000
    static let longestPause: Int64 = 10_000_000

    init(url: String, secret: String?, maxConnections: Int) {
        self.url = url
        self.secret = secret
        self.maxConnections = maxConnections
    }

    /// The updates to send now. Those in hand are the first of the queue, in its order.
    mutating func start(_ queue: UpdateQueue, now: Int64) -> [PendingUpdate] {
        var started: [PendingUpdate] = []
        for index in slots.indices {
            guard let due = slots[index].dueAt, due <= now else { continue }
            slots[index].dueAt = nil
            started.append(queue[index])
        }
        while slots.count < maxConnections, slots.count < queue.count {
            let update = queue[slots.count]
            slots.append(Slot(update: update.id))
            started.append(update)
        }
        return started
    }

    /// A 2xx has come: the caller removes the update from the queue.
    mutating func finished(_ update: Int64) { slots.removeAll { $0.update == update } }

    /// Anything else has come; returns the pause in microseconds, or `nil` when the update is no longer in hand.
    mutating func failed(_ update: Int64, text: String, now: Int64) -> Int64? {
        guard let index = slots.firstIndex(where: { $0.update == update }) else { return nil }
        lastError = (now, text)
        slots[index].failures += 1
        let pause = min(Self.firstPause << Int64(min(slots[index].failures - 1, 20)), Self.longestPause)
        slots[index].dueAt = now + pause
        return pause
    }

    mutating func forgetDeliveries() { slots.removeAll() }
}

/// One POST to a webhook.
public struct WebhookDelivery: Sendable {
    public let bot: Int64
    public let url: String
    /// The value of `X-Telegram-Bot-Api-Secret-Token`.
    public let secret: String?
    public let update: Int64
    public let body: [UInt8]
    let generation: Int
}
