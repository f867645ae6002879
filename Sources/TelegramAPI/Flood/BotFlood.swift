/// Keeps a bot within the rate that Telegram allows it over all chats, and out of the way after a 429 that means the
/// whole bot.
///
/// Telegram publishes about 30 messages a second
/// (https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this). A 429 does not say whether it
/// means the chat or the bot: a third chat refused within a second does, or a second one when nothing of the kind
/// succeeded in between. A value with the time injected.
public struct BotFlood: Sendable {
    public typealias Instant = ContinuousClock.Instant

    /// Messages a second, of this process. 0: none.
    public var perSecond: Double
    /// Off: only the pauses that 429s ask for are kept.
    public var isEnforced: Bool

    private var window: SendWindow
    private var isCounting = true
    private var learned = LearnedRate()
    private var blocks: [CallKind: Instant] = [:]
    private var streaks: [CallKind: Streak] = [:]
    /// When the next bulk message may begin; see ``bulkRoom(now:)``.
    private var bulkDue: Instant?

    /// Chats refused of late.
    private struct Streak {
        var refusals: [(chat: Int64, at: Instant)] = []
        /// Those since something succeeded.
        var unbroken: Set<Int64> = []
    }

    static let span: Duration = .seconds(1)
    /// Refusals remembered of a kind; three within a second decide.
    static let remembered = 16

    public init(perSecond: Double = 30, isEnforced: Bool = true) {
        self.perSecond = perSecond
        self.isEnforced = isEnforced
        window = SendWindow(SendWindow.Allowance(perSecond, per: Self.span))
    }

    /// Until when nothing of this kind goes out; `nil`: it may now.
    public func blockedUntil(_ kind: CallKind, now: Instant) -> Instant? {
        if blocks.isEmpty { return nil }
        return blocks[kind].flatMap { $0 > now ? $0 : nil }
    }

    // MARK: Messages

    /// How many messages may begin now.
    public mutating func room(isBulk: Bool, now: Instant) -> Int {
        if blockedUntil(.message, now: now) != nil { return 0 }
        isCounting = isEnforced
        if !isEnforced { return .max }
        let factor = learned.factor(now: now)
        if perSecond <= 0 { return 0 }
        window.allowance = SendWindow.Allowance(perSecond * factor, per: Self.span)
        let room = window.room(now: now)
        return isBulk ? min(room, bulkRoom(now: now)) : room
    }

    /// When ``room(isBulk:now:)`` is no longer 0; `nil`: not before an answer, or not at all at this rate.
    public func opens(isBulk: Bool, now: Instant) -> Instant? {
        if let until = blockedUntil(.message, now: now) { return until }
        if perSecond <= 0 { return nil }
        guard let opens = window.opens(now: now) else { return nil }
        return isBulk ? max(opens, (bulkDue ?? now) - bulkInterval * Self.bulkBurst) : opens
    }

    public mutating func begin(_ count: Int, isBulk: Bool, now: Instant) {
        if !isCounting { return }
        window.begin(count)
        if isBulk { bulkDue = max(bulkDue ?? now, now) + bulkInterval * count }
    }

    /// Messages that ``begin(_:isBulk:now:)`` counted were answered, or given up.
    public mutating func end(_ count: Int = 1, now: Instant) { window.end(count, now: now) }

    /// What was begun and never made.
    public mutating func takeBack(_ count: Int) { window.takeBack(count) }

    /// Bulk is spread over the second: taking the whole window at once, it would make a reply wait for a second.
    /// A little faster than the window, which so stays the limit.
    private var bulkInterval: Duration { Self.span / (Double(window.allowance.count) * 1.05) }
    private static let bulkBurst = 2

    private func bulkRoom(now: Instant) -> Int {
        let ahead = max(bulkDue ?? now, now) - now
        return max(0, Int(((bulkInterval * Self.bulkBurst - ahead) / bulkInterval).rounded(.down)) + 1)
    }

    // MARK: What Telegram answers

    public mutating func succeeded(_ kind: CallKind) {
        if !streaks.isEmpty { streaks[kind]?.unbroken = [] }
    }

    /// Telegram answered 429.
    /// - Parameter chat: `nil`: the call had none, so the bot is meant.
    /// - Returns: whether it was taken as meant for the whole bot.
    @discardableResult
    public mutating func refused(chat: Int64?, _ kind: CallKind, retryAfter: Duration, now: Instant) -> Bool {
        if let chat, !isWhole(chat, kind, now: now) { return false }
        block(kind, until: now + max(retryAfter, .zero))
        learned.refused(now: now)
        return true
    }

    public mutating func block(_ kind: CallKind, until: Instant) { blocks[kind] = max(blocks[kind] ?? until, until) }

    private mutating func isWhole(_ chat: Int64, _ kind: CallKind, now: Instant) -> Bool {
        var streak = streaks[kind] ?? Streak()
        streak.refusals.removeAll { now - $0.at > Self.span || $0.chat == chat }
        if streak.refusals.isEmpty { streak.unbroken = [] }
        streak.refusals.append((chat, now))
        if streak.refusals.count > Self.remembered { streak.refusals.removeFirst() }
        streak.unbroken.insert(chat)
        streaks[kind] = streak
        return streak.refusals.count >= 3 || streak.unbroken.count >= 2
    }
}
