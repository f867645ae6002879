import FleetModel
import Store

/// What is to be done for a bot whose lease this gateway has.
struct IntakeJob: Sendable {
    enum Work: Sendable, Equatable {
        case poll
        /// Have Telegram call, and see that it stays so.
        case webhook
        /// Stopped: Telegram is to call no more, and keep what comes.
        case withdraw
    }

    let bot: BotSpec
    let work: Work
    /// The bot's webhook as stored. Beside ``Work/poll``: one that may still be set.
    var webhook: WebhookRecord?

    /// - Returns: `nil` when this gateway has nothing to do for the bot.
    init?(_ record: BotRecord, takesWebhooks: Bool) {
        guard record.hasToken else { return nil }
        bot = record.spec
        webhook = record.webhook
        switch (record.spec.desired, record.spec.intake) {
        case (.running, .polling): work = .poll
        case (.running, .webhook) where takesWebhooks: work = .webhook
        case (.stopped, _) where record.webhook != nil: work = .withdraw
        default: return nil
        }
    }

    /// Whether what runs for `self` does for `other` as well.
    func isServed(like other: IntakeJob) -> Bool {
        guard bot.id == other.bot.id, work == other.work, bot.queue == other.bot.queue, bot.apiURL == other.bot.apiURL
        else { return false }
        return work != .webhook || webhook == other.webhook
    }
}
