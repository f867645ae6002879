/// Settings of a ``Gateway``.
public struct GatewayConfiguration: Sendable {
    /// Where the Bot API lives for bots that name no address of their own.
    public var telegramAPI: String
    /// How long Telegram holds a request open when there is nothing to tell. Whole seconds.
    public var pollTimeout: Duration = .seconds(25)
    /// Updates an answer may hold, 1...100: also the most that a bot's poller keeps in memory.
    public var pollLimit = 100
    /// Bots this process takes in at a time; others are left to other gateways.
    public var maximumPollers = 2000
    /// A gateway that dies frees its bots after this time.
    public var leaseTTL: Duration = .seconds(15)
    public var leaseRenewal: Duration = .seconds(5)
    /// A poller stops this long before its lease ends, so that a request on its way is over by then.
    public var leaseMargin: Duration = .seconds(2)
    /// How often the list of bots is read.
    public var botRefresh: Duration = .seconds(3)
    /// Bots with a refused token whose token is read again in each refresh.
    public var parkedChecks = 20
    /// For a poller to publish what is at hand when its bot is stopped or changed.
    public var endDeadline: Duration = .seconds(5)
    /// For publishing what is at hand and giving the leases back when the process stops.
    public var stopDeadline: Duration = .seconds(10)

    /// `nil`: this gateway takes no webhooks, and leaves bots that want one to others.
    public var webhooks: WebhookConfiguration?

    public init(telegramAPI: String) { self.telegramAPI = telegramAPI }
}
