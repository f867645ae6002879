import Synchronization

/// One bot of the simulation, safe to use from any thread. Each call takes the bot's lock once, for microseconds.
public final class SimulatedBot: Sendable {
    public let identity: BotIdentity
    /// Both parts, as clients give it.
    let token: String
    let state: Mutex<BotState>
    /// Told, outside the lock, when a webhook may have something to deliver.
    private let webhookWork: @Sendable (SimulatedBot) -> Void

    init(
        identity: BotIdentity,
        token: String,
        options: BotOptions,
        firstUpdateID: Int64,
        webhookWork: @escaping @Sendable (SimulatedBot) -> Void
    ) {
        self.identity = identity
        self.token = token
        self.webhookWork = webhookWork
        state = Mutex(BotState(identity: identity, options: options, firstUpdateID: firstUpdateID))
    }

    // MARK: Polls

    /// The timeout of a poll has passed.
    public func expirePoll(_ id: UInt64, now: Int64) { state.withLock { $0.expirePoll(id, now: now) }?.give() }

    /// The client that polled has gone.
    public func abandonPoll(_ id: UInt64) { state.withLock { $0.abandonPoll(id) } }

    /// New updates may wake the poll or start deliveries.
    func announce(now: Int64) {
        let (answer, hooked) = state.withLock { ($0.wakePoll(now: now), $0.webhook != nil) }
        answer?.give()
        if hooked { webhookWork(self) }
    }

    // MARK: Webhook

    /// The deliveries to make now. Each ends with ``delivered(_:failure:now:)``.
    public func startDeliveries(now: Int64) -> [WebhookDelivery] { state.withLock { $0.startDeliveries(now: now) } }

    /// A delivery has ended; `failure` is `nil` for a 2xx, else says what came.
    /// - Returns: microseconds after which ``startDeliveries(now:)`` has the update again.
    public func delivered(_ delivery: WebhookDelivery, failure: String?, now: Int64) -> Int64? {
        state.withLock { $0.delivered(delivery, failure: failure, now: now) }
    }
}
