import FleetModel

/// One replay: how far it is and when the next letter may go, without I/O.
///
/// A letter whose bot refuses ends that bot's part, so that no later update of a chat overtakes it.
struct ReplayRun: Sendable {
    /// What became of an attempt to put a letter back.
    enum Outcome: Sendable, Equatable {
        case confirmed
        /// Purged since its page was read.
        case gone
        /// The bot has no queue.
        case noQueue
        /// The bot's queue takes no more.
        case full
        /// The broker did not answer, and why.
        case away(String)
    }

    enum Next: Sendable, Equatable {
        case nextLetter
        /// The same letter, after a pause.
        case again
        /// No letter will do better.
        case fail(String)
    }

    /// Reasons kept.
    static let failuresKept = 20
    /// How long a full queue or a broker that is away is waited for.
    static let patience: Duration = .seconds(60)
    static let pause: Duration = .seconds(1)

    private(set) var view: ReplayView
    /// Put back and not yet marked so in the database.
    private(set) var unmarked: [Int64] = []
    private let interval: Duration
    private let markEvery: Int
    private var nextAt: ContinuousClock.Instant
    private var refusing: [BotID: String] = [:]
    private var failingSince: ContinuousClock.Instant?

    /// - Parameter rate: letters a second.
    init(_ view: ReplayView, rate: Int, now: ContinuousClock.Instant) {
        self.view = view
        interval = .seconds(1) / rate
        // About a second's worth: so many are sent again when the coordinator is killed, without a second effect.
        markEvery = min(rate, 50)
        nextAt = now
    }

    /// When the next attempt may be made; it is counted as made then.
    mutating func turn(now: ContinuousClock.Instant) -> ContinuousClock.Instant {
        let at = max(now, nextAt)
        nextAt = at + interval
        return at
    }

    /// Whether the bot takes letters; if not, ``skip(_:of:)`` them.
    func accepts(_ bot: BotID) -> Bool { refusing[bot] == nil }

    mutating func skip(_ letter: Int64, of bot: BotID) {
        fail(letter, refusing[bot] ?? "left out")
    }

    mutating func tried(_ letter: Int64, of bot: BotID, _ outcome: Outcome, now: ContinuousClock.Instant) -> Next {
        switch outcome {
        case .confirmed:
            view.replayed += 1
            unmarked.append(letter)
        case .gone:
            view.total -= 1
        case .noQueue:
            refuse(letter, bot, "bot '\(bot)' has no queue; start the bot first")
        case .full:
            if isWorthAnotherTry(now) { return .again }
            refuse(letter, bot, "the queue of bot '\(bot)' is full")
        case .away(let reason):
            if isWorthAnotherTry(now) { return .again }
            return .fail("stopped at letter \(letter): \(reason); the same command goes on from there")
        }
        failingSince = nil
        return .nextLetter
    }

    private mutating func isWorthAnotherTry(_ now: ContinuousClock.Instant) -> Bool {
        let since = failingSince ?? now
        failingSince = since
        return since.duration(to: now) < Self.patience
    }

    private mutating func refuse(_ letter: Int64, _ bot: BotID, _ reason: String) {
        refusing[bot] = reason
        fail(letter, reason)
    }

    private mutating func fail(_ letter: Int64, _ reason: String) {
        view.failed += 1
        if view.failures.count < Self.failuresKept {
            view.failures.append(ReplayView.Failure(number: letter, reason: reason))
        }
    }

    var isTimeToMark: Bool { unmarked.count >= markEvery }

    mutating func takeUnmarked() -> [Int64] {
        defer { unmarked = [] }
        return unmarked
    }

    mutating func end(_ state: ReplayView.State, _ detail: String?) {
        view.state = state
        view.detail = detail
        view.endedAt = .now
    }
}
