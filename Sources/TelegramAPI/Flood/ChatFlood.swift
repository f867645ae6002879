/// Keeps the chats of a lane within Telegram's limits for a chat, and out of the way after a 429.
///
/// Telegram publishes: about one message a second to a chat, 20 a minute to a group
/// (https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this). It counts messages; of other
/// methods only what a 429 taught is kept, for each chat and method.
///
/// A chat has one call under way at a time. It counts when it is answered, because it may have arrived as late as that.
/// A value with the time injected: whoever owns it serialises its use.
public struct ChatFlood: Sendable {
    public typealias Instant = ContinuousClock.Instant

    public struct Limits: Sendable, Equatable {
        /// Messages to one chat: `burst` at once, then `perSecond`.
        public var perSecond: Double
        public var burst: Int
        /// Messages to a group, besides.
        public var groupPerMinute: Double
        /// Off: only the pauses that 429s ask for are kept.
        public var isEnforced: Bool

        public init(
            perSecond: Double = 1, burst: Int = 3, groupPerMinute: Double = 20, isEnforced: Bool = true
        ) {
            self.perSecond = perSecond
            self.burst = burst
            self.groupPerMinute = groupPerMinute
            self.isEnforced = isEnforced
        }

        public static let none = Limits(isEnforced: false)

        var interval: Duration { .seconds(1 / max(perSecond, 0.000_1)) }
        var group: SendWindow.Allowance { SendWindow.Allowance(groupPerMinute, per: .seconds(60)) }
    }

    public enum Admission: Sendable, Equatable {
        case now
        /// Not before; ask again then.
        case wait(until: Instant)
    }

    /// One that can be forgotten is the same as one never seen.
    private struct Chat {
        /// When the burst is free again as a whole (the "theoretical arrival time" of GCRA).
        var full: Instant
        var blockedUntil: Instant
        var learned = LearnedRate()
        var group: SendWindow?

        var forgettableAt: Instant {
            [learned.forgettableAt, group?.forgettableAt].compactMap { $0 }.reduce(max(full, blockedUntil), max)
        }
    }

    private struct Key: Hashable {
        let chat: Int64
        let kind: CallKind
    }

    public var limits: Limits
    private let maximumChats: Int
    private var chats: [Int64: Chat] = [:]
    /// Other methods than messages, once they were refused.
    private var methods: [Key: Chat] = [:]
    private var sweepAt: Int

    /// - Parameter maximumChats: chats remembered at a time. When more are busy, those that are free soonest are
    ///   forgotten, which may let single messages through too early.
    public init(_ limits: Limits = Limits(), maximumChats: Int = 10_000) {
        self.limits = limits
        self.maximumChats = max(1, maximumChats)
        sweepAt = min(1024, self.maximumChats)
    }

    public var rememberedChats: Int { chats.count + methods.count }

    /// Whether a call may go to `chat` now. Groups have negative ids.
    public func admit(chat id: Int64, _ kind: CallKind, now: Instant) -> Admission {
        if kind.isMessage {
            guard let chat = chats[id] else { return .now }
            return admission(chat, isMessage: true, now: now)
        }
        guard !methods.isEmpty, let method = methods[Key(chat: id, kind: kind)] else { return .now }
        return admission(method, isMessage: false, now: now)
    }

    private func admission(_ chat: Chat, isMessage: Bool, now: Instant) -> Admission {
        var earliest = max(now, chat.blockedUntil)
        // Other methods have no limit but the one that repeated refusals taught: the chat's, lowered.
        if limits.isEnforced, isMessage || chat.learned.factor(now: now) < 1 {
            earliest = max(earliest, chat.full - limits.interval * (limits.burst - 1))
            if let opens = chat.group?.opens(now: now) { earliest = max(earliest, opens) }
        }
        return earliest > now ? .wait(until: earliest) : .now
    }

    /// A call was answered, or it is unknown whether it arrived. One that was refused with a 429 does not count.
    public mutating func answered(chat id: Int64, _ kind: CallKind, now: Instant) {
        guard kind.isMessage else {
            if methods.isEmpty { return }
            let key = Key(chat: id, kind: kind)
            if let chat = methods[key] { methods[key] = counted(chat, isGroup: false, now: now) }
            return
        }
        guard limits.isEnforced || chats[id] != nil else { return }
        let chat = chats[id] ?? Chat(full: now, blockedUntil: now)
        chats[id] = counted(chat, isGroup: id < 0 && limits.isEnforced, now: now)
        sweepIfNeeded(now)
    }

    private func counted(_ chat: Chat, isGroup: Bool, now: Instant) -> Chat {
        var chat = chat
        // What nothing limited does not pile up.
        let full = min(max(chat.full, now), now + limits.interval * limits.burst)
        chat.full = full + limits.interval / chat.learned.factor(now: now)
        if isGroup {
            var window = chat.group ?? SendWindow(limits.group)
            window.allowance = SendWindow.Allowance(
                limits.groupPerMinute * chat.learned.factor(now: now), per: .seconds(60))
            // Forgets what has left the window, so that it stays as small as the allowance.
            _ = window.room(now: now)
            window.begin()
            window.end(now: now)
            chat.group = window
        }
        return chat
    }

    /// Telegram answered 429 to a call to `chat`.
    public mutating func refused(chat id: Int64, _ kind: CallKind, retryAfter: Duration, now: Instant) {
        let until = now + max(retryAfter, .zero)
        let key = Key(chat: id, kind: kind)
        var chat = (kind.isMessage ? chats[id] : methods[key]) ?? Chat(full: now, blockedUntil: now)
        chat.blockedUntil = max(chat.blockedUntil, until)
        chat.learned.refused(now: now)
        if kind.isMessage { chats[id] = chat } else { methods[key] = chat }
        sweepIfNeeded(now)
    }

    /// Forgets what no longer matters; called each time the number of chats has doubled, so its cost is spread.
    private mutating func sweepIfNeeded(_ now: Instant) {
        guard rememberedChats >= sweepAt else { return }
        chats = chats.filter { $0.value.forgettableAt > now }
        methods = methods.filter { $0.value.forgettableAt > now }
        let kept = maximumChats * 3 / 4
        if rememberedChats > kept {
            let ends = (chats.values.map(\.forgettableAt) + methods.values.map(\.forgettableAt)).sorted()
            let limit = ends[ends.count - kept - 1]
            chats = chats.filter { $0.value.forgettableAt > limit }
            methods = methods.filter { $0.value.forgettableAt > limit }
        }
        sweepAt = min(max(1024, rememberedChats * 2), maximumChats)
    }
}
