/// Everything that changes about one bot: a value, guarded by ``SimulatedBot``'s lock, that never waits and never
/// reads a clock.
struct BotState: Sendable {
    let identity: BotIdentity
    var options: BotOptions
    var queue: UpdateQueue
    var log: CallLog
    var counts = BotCounts()
    var chats: [Int64: Chat] = [:]
    /// The newest log entry of each message: an edit moves it on, a deletion makes it 0.
    var messages: MessageIndex
    var queries = OpenQueries()
    var poll: WaitingPoll?
    var lastPollID: UInt64 = 0
    var webhook: Webhook?
    /// Counts setWebhook and deleteWebhook, so that an answer to an older webhook's delivery is known as such.
    var webhookGeneration = 0
    /// What kinds of update the client asked for; `nil`: the default set.
    var allowed: Set<String>?
    var sending = SlidingWindow(PublishedLimits.bot)
    /// JSON of the commands by scope and language.
    var commands: [String: [UInt8]] = [:]

    init(identity: BotIdentity, options: BotOptions, firstUpdateID: Int64) {
        self.identity = identity
        self.options = options
        queue = UpdateQueue(firstID: firstUpdateID, capacity: options.queueCapacity)
        log = CallLog(capacity: options.logCapacity)
        messages = MessageIndex(capacity: options.logCapacity)
    }

    /// Makes a chat known.
    mutating func meet(_ id: Int64, kind: Chat.Kind? = nil) throws(APIError) {
        if let known = chats[id], kind == nil || kind == known.kind { return }
        guard id != 0 else { throw .chatNotFound }
        guard chats.count < options.chatCapacity else {
            throw APIError(507, "Insufficient Storage: the bot has \(options.chatCapacity) chats, its chat capacity")
        }
        chats[id] = Chat(id: id, kind: kind ?? Chat.Kind(id: id))
    }

    /// Forgets what happened, but never gives an update id or a message id twice.
    mutating func forget(now: Int64) {
        discard(queue.removeAll())
        log = CallLog(capacity: options.logCapacity)
        messages.forgetAll()
        counts = BotCounts()
        queries = OpenQueries()
        sending = SlidingWindow(PublishedLimits.bot)
        chats = chats.mapValues { chat in
            var fresh = chat
            fresh.pace = Pace()
            fresh.groupWindow = nil
            return fresh
        }
        webhook?.forgetDeliveries()
        webhookGeneration += 1
    }

    mutating func discard(_ updates: [PendingUpdate]) {
        counts.discarded += Int64(updates.count)
        for update in updates { log.update(update.sequence) { $0.discarded = true } }
    }
}

/// What `GET /sim/counts` tells of one bot.
struct BotCounts: Sendable {
    var injected: Int64 = 0
    /// Not wanted by `allowed_updates`.
    var filtered: Int64 = 0
    /// Given to a client for the first time.
    var handedOut: Int64 = 0
    /// Given to a client again.
    var handedOutAgain: Int64 = 0
    var confirmed: Int64 = 0
    /// Expired, or dropped by drop_pending_updates or a reset.
    var discarded: Int64 = 0
    /// Messages received from the bot.
    var messages: Int64 = 0
    var tooManyRequests: Int64 = 0
    var webhookFailures: Int64 = 0
    /// Calls carried out or refused, by method.
    var calls = [Int64](repeating: 0, count: Method.allCases.count)
    /// Calls refused with an error, by method.
    var refused = [Int64](repeating: 0, count: Method.allCases.count)
}
