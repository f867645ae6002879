/// Keeps a bot within Telegram's sending limits, and out of the way after a 429.
///
/// Telegram publishes: about one message a second to a chat, 20 a minute to a group, 30 a second in all
/// (https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this). It counts sent messages; edits and
/// answers to callback queries need not be admitted.
///
/// A value with the time injected: whoever owns it serialises its use.
public struct FloodControl: Sendable {
    public typealias Instant = ContinuousClock.Instant

    public struct Limits: Sendable, Equatable {
        public var bot: Bucket
        public var chat: Bucket
        public var group: Bucket
        /// Off: only what a 429 taught is kept.
        public var isEnforced = true

        public init(
            bot: Bucket = Bucket(perSecond: 30, burst: 30),
            chat: Bucket = Bucket(perSecond: 1, burst: 3),
            group: Bucket = Bucket(perSecond: 20.0 / 60, burst: 5),
            isEnforced: Bool = true
        ) {
            self.bot = bot
            self.chat = chat
            self.group = group
            self.isEnforced = isEnforced
        }

        public static let none = Limits(isEnforced: false)
    }

    /// A token bucket: `burst` at once, then `perSecond`.
    public struct Bucket: Sendable, Equatable {
        let interval: Duration
        let tolerance: Duration

        /// - Parameters: `perSecond` > 0; `burst` >= 1. Others are raised to that.
        public init(perSecond: Double, burst: Int) {
            interval = .seconds(1 / max(perSecond, 0.000_1))
            tolerance = interval * (max(burst, 1) - 1)
        }
    }

    public enum Admission: Sendable, Equatable {
        /// Send; it has been counted.
        case now
        /// Not before; ask again then. Nothing has been counted.
        case wait(until: Instant)
    }

    /// A chat's two facts. One whose both times have passed is the same as one never seen, so it can be forgotten.
    private struct Chat {
        /// When the bucket is full again (the "theoretical arrival time" of GCRA).
        var full: Instant
        var blockedUntil: Instant
        var forgettableAt: Instant { max(full, blockedUntil) }
    }

    public var limits: Limits
    private let maximumChats: Int
    private var botFull: Instant?
    private var botBlockedUntil: Instant?
    private var chats: [Int64: Chat] = [:]
    private var sweepAt: Int

    /// - Parameter maximumChats: chats remembered at a time. When more are busy, those that are free soonest are
    ///   forgotten, which may let single messages through too early.
    public init(_ limits: Limits = Limits(), maximumChats: Int = 10_000) {
        self.limits = limits
        self.maximumChats = max(1, maximumChats)
        sweepAt = min(1024, self.maximumChats)
    }

    public var rememberedChats: Int { chats.count }

    /// Counts a message to `chat` if it may go out now.
    public mutating func admit(chat: Int64, isGroup: Bool, now: Instant) -> Admission {
        var earliest = now
        if let botBlockedUntil { earliest = max(earliest, botBlockedUntil) }
        let known = chats[chat]
        if let known { earliest = max(earliest, known.blockedUntil) }
        guard limits.isEnforced else { return earliest > now ? .wait(until: earliest) : .now }

        let bucket = isGroup ? limits.group : limits.chat
        let chatFull = max(known?.full ?? now, now)
        let wholeFull = max(botFull ?? now, now)
        earliest = max(earliest, chatFull - bucket.tolerance, wholeFull - limits.bot.tolerance)
        if earliest > now { return .wait(until: earliest) }

        botFull = wholeFull + limits.bot.interval
        chats[chat] = Chat(full: chatFull + bucket.interval, blockedUntil: known?.blockedUntil ?? now)
        sweepIfNeeded(now)
        return .now
    }

    /// Telegram answered 429 to a message to `chat`.
    ///
    /// It does not say whether it means the chat or the bot. The chat is blocked; a second chat refused while another
    /// still is means the bot. `chat` `nil`: the call had none, so the bot is meant.
    public mutating func refused(chat: Int64?, retryAfter: Duration, now: Instant) {
        let until = now + max(retryAfter, .zero)
        guard let chat else { return blockBot(until: until) }
        let others = chats.contains { $0.key != chat && $0.value.blockedUntil > now }
        if others { blockBot(until: until) }
        let known = chats[chat]
        chats[chat] = Chat(full: known?.full ?? now, blockedUntil: max(known?.blockedUntil ?? now, until))
        sweepIfNeeded(now)
    }

    private mutating func blockBot(until: Instant) { botBlockedUntil = max(botBlockedUntil ?? until, until) }

    /// Forgets what no longer matters; called each time the number of chats has doubled, so its cost is spread.
    private mutating func sweepIfNeeded(_ now: Instant) {
        guard chats.count >= sweepAt else { return }
        chats = chats.filter { $0.value.forgettableAt > now }
        if chats.count > maximumChats * 3 / 4 {
            let soonest = chats.sorted { $0.value.forgettableAt < $1.value.forgettableAt }
            for (chat, _) in soonest.prefix(chats.count - maximumChats * 3 / 4) { chats[chat] = nil }
        }
        sweepAt = min(max(1024, chats.count * 2), maximumChats)
    }
}
