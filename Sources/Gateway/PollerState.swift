import Broker
import EventLoop
import FleetControl
import FleetModel
import TelegramAPI

/// What one bot's poller does next. A value: events go in, the one action to do next comes out.
///
/// The rule that nothing is lost: the offset sent to Telegram never passes an update the broker has not confirmed.
///
/// The rule that nothing is overtaken: an update is published only when every earlier one of its conversation is
/// confirmed. Both hold for one poller, and therefore for several that poll the same bot for a moment (a lease taken
/// over from a process that was stopped): each publishes every update from Telegram's offset on, in order, so the first
/// copy of an update always has a copy of its predecessor before it. The copies are dropped by the worker's inbox.
struct PollerState {
    enum Action: Equatable {
        /// - Parameter allKinds: ask for all kinds of updates; Telegram remembers that.
        case poll(offset: Int64?, allKinds: Bool)
        case publish([ReceivedUpdate])
        case pause(Duration)
        case deleteWebhook
        /// Tells Telegram how far we came, without asking for more.
        case commit(offset: Int64)
        case end(End)
    }

    enum End: Sendable, Equatable {
        case stopped
        /// Telegram does not accept the token: nothing helps but another one.
        case tokenRefused
    }

    enum Event {
        case received([ReceivedUpdate])
        case pollFailed(TelegramError)
        case published([PublishOutcome])
        /// Nothing of the wave was sent.
        case publishFailed
        case pauseEnded
        case webhookDeleted
        case webhookKept(TelegramError)
        case commitEnded
    }

    /// What changed that an operator should read about.
    enum Notice: Equatable {
        case conflict(String)
        case webhookInTheWay
        case tokenRefused(TelegramError)
        case telegramFails(TelegramError)
        case telegramWorks
        case intakeRefused
        case intakeWorks
        /// Telegram counts updates from a new number on, below the offset.
        case idsRestarted(at: Int64)
    }

    /// All before it are confirmed by the broker.
    private(set) var offset: Int64?
    /// What Telegram was told last.
    private var acknowledged: Int64?
    private var pending: [PendingUpdate] = []
    /// One more than the highest id of the answer at hand.
    private var answerEnd: Int64 = 0
    private var waves: ArraySlice<[PendingUpdate]> = []
    private var telegramBackoff = Backoff(floor: .milliseconds(500), cap: .seconds(30))
    /// Another poller is not gone at once, and asking more often throws it out of its own requests.
    private var conflictBackoff = Backoff(floor: .seconds(3), cap: .seconds(60))
    private var intakeBackoff = Backoff(floor: .milliseconds(100), cap: .seconds(5))
    private var restartBackoff = Backoff(floor: .seconds(1), cap: .seconds(30))
    private var hasNamedKinds = false
    private var hasDeletedWebhook = false
    /// One is or may be set, and Telegram refuses polls until it is deleted.
    private var mustDeleteWebhook: Bool
    /// What keeps Telegram's updates away.
    private var telegramTrouble: IntakeReport?
    private var isIntakeFailing = false
    private var isStopping = false
    private var notices: [Notice] = []

    init(hasWebhook: Bool = false) { mustDeleteWebhook = hasWebhook }

    /// How it goes, for those who look.
    var report: IntakeReport {
        if let telegramTrouble { return telegramTrouble }
        if isIntakeFailing {
            return IntakeReport(.failing, "RabbitMQ does not take updates: queue full, or broker away")
        }
        return IntakeReport(.polling)
    }

    mutating func takeNotices() -> [Notice] {
        defer { notices = [] }
        return notices
    }

    /// From now on: publish what is at hand, once, and end.
    mutating func stop() { isStopping = true }

    mutating func begin() -> Action { poll() }

    mutating func handle(_ event: Event) -> Action {
        switch event {
        case .received(let updates): return received(updates)
        case .pollFailed(let error): return pollFailed(error)
        case .published(let outcomes): return published(outcomes)
        case .publishFailed: return intakeFailed()
        case .pauseEnded:
            waves = Waves.split(pending, by: \.conversation)[...]
            return publishOrPoll()
        case .webhookDeleted:
            mustDeleteWebhook = false
            return poll()
        case .webhookKept(let error): return pollFailed(error)
        case .commitEnded: return .end(.stopped)
        }
    }

    // MARK: Telegram

    private mutating func poll() -> Action {
        guard isStopping else {
            return mustDeleteWebhook ? .deleteWebhook : .poll(offset: offset, allKinds: !hasNamedKinds)
        }
        // The next poller would get these again, and the inbox would drop them: not needed, but it spares the queue up
        // to a whole answer of copies.
        if let offset, offset != acknowledged { return .commit(offset: offset) }
        return .end(.stopped)
    }

    private mutating func received(_ updates: [ReceivedUpdate]) -> Action {
        acknowledged = offset
        hasNamedKinds = true
        telegramBackoff.reset()
        conflictBackoff.reset()
        hasDeletedWebhook = false
        if telegramTrouble != nil {
            telegramTrouble = nil
            notices.append(.telegramWorks)
        }
        guard let last = updates.map(\.id).max(), let first = updates.map(\.id).min() else { return poll() }
        answerEnd = last + 1
        if let offset, last < offset { return receivedBelowOffset(updates, first: first) }
        restartBackoff.reset()
        // A server may repeat what it was told to forget; beside something new, nothing before the offset is wanted.
        pending = updates.filter { $0.id >= offset ?? .min }.map(PendingUpdate.init)
        waves = Waves.split(pending, by: \.conversation)[...]
        return publishOrPoll()
    }

    /// After a week without updates Telegram goes on from a random id (Bot API, Update), so these may be new: they are
    /// taken in as if no offset was known, and the inbox drops those that are not. The pause is for a server that only
    /// repeats itself.
    private mutating func receivedBelowOffset(_ updates: [ReceivedUpdate], first: Int64) -> Action {
        if isStopping { return poll() }
        notices.append(.idsRestarted(at: first))
        offset = nil
        pending = updates.map(PendingUpdate.init)
        return .pause(restartBackoff.next())
    }

    private mutating func pollFailed(_ error: TelegramError) -> Action {
        switch error {
        case .unauthorized, .notFound:
            notices.append(.tokenRefused(error))
            telegramTrouble = IntakeReport(.refused, "\(error)")
            return .end(.tokenRefused)
        case .conflict(let text):
            if text.contains("webhook") {
                // Once; if it comes back, somebody else sets it, and that is a conflict like any other.
                if isStopping { return .end(.stopped) }
                if !hasDeletedWebhook {
                    hasDeletedWebhook = true
                    mustDeleteWebhook = true
                    notices.append(.webhookInTheWay)
                    return .deleteWebhook
                }
            }
            if telegramTrouble?.condition != .conflict { notices.append(.conflict(text)) }
            telegramTrouble = IntakeReport(.conflict, text)
            return isStopping ? .end(.stopped) : .pause(conflictBackoff.next())
        case .rateLimited(let delay):
            return isStopping ? .end(.stopped) : .pause(max(delay, .seconds(1)))
        default:
            if telegramTrouble == nil, !isStopping { notices.append(.telegramFails(error)) }
            telegramTrouble = IntakeReport(.failing, "\(error)")
            return pauseForTelegram()
        }
    }

    private mutating func pauseForTelegram() -> Action {
        // Whether a request that was broken off told Telegram the offset is not known: tell it again.
        isStopping ? poll() : .pause(telegramBackoff.next())
    }

    // MARK: The broker

    private mutating func publishOrPoll() -> Action {
        if let wave = waves.first { return .publish(wave.map(\.update)) }
        return poll()
    }

    private mutating func published(_ outcomes: [PublishOutcome]) -> Action {
        guard let wave = waves.popFirst(), wave.count == outcomes.count else { return intakeFailed() }
        let confirmed = Set(zip(wave, outcomes).lazy.filter { $1.isConfirmed }.map { $0.0.update.id })
        pending.removeAll { confirmed.contains($0.update.id) }
        // Ids grow, so all before the first that is unconfirmed have their confirm.
        let next = pending.map(\.update.id).min() ?? answerEnd
        offset = max(offset ?? next, next)
        // A full queue that is worked off takes some of each wave: that is no reason to wait ever longer.
        if !confirmed.isEmpty { intakeBackoff.reset() }
        guard confirmed.count == wave.count else { return intakeFailed() }
        if isIntakeFailing {
            isIntakeFailing = false
            notices.append(.intakeWorks)
        }
        return publishOrPoll()
    }

    /// The queue is full, or the broker is away. Nothing more is taken in until what is at hand is confirmed: it waits
    /// here, bounded by one answer, and the rest waits at Telegram.
    private mutating func intakeFailed() -> Action {
        if !isIntakeFailing, !isStopping { notices.append(.intakeRefused) }
        isIntakeFailing = true
        waves = []
        return isStopping ? poll() : .pause(intakeBackoff.next())
    }
}
