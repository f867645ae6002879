import EventLoop
import FleetModel
import TelegramAPI

/// Sets a bot's webhook and sees to it that it stays. A value: events go in, the one action to do next comes out.
struct WebhookKeeperState {
    enum Action: Equatable {
        case set
        case check
        case pause(Duration)
        case endRefused
    }

    enum Event {
        case wasSet
        case checked(WebhookInfo)
        case failed(TelegramError)
        case pauseEnded
    }

    /// How it goes, for those who look.
    private(set) var report = IntakeReport(.starting)
    private let url: String
    private let checkInterval: Duration
    private var isSet = false
    /// The first look after setting it: what went wrong before is none of this webhook's.
    private var isFirstCheck = true
    private var lastErrorDate: Int64?
    private var backoff = Backoff(floor: .seconds(1), cap: .seconds(60))
    /// Another fleet with the same token sets its own again as well: not ever faster.
    private var conflictBackoff = Backoff(floor: .seconds(3), cap: .seconds(60))

    init(url: String, checkInterval: Duration) {
        self.url = url
        self.checkInterval = checkInterval
    }

    mutating func begin() -> Action { .set }

    mutating func handle(_ event: Event) -> Action {
        switch event {
        case .wasSet:
            isSet = true
            isFirstCheck = true
            backoff.reset()
            return .check
        case .checked(let info): return checked(info)
        case .failed(let error): return failed(error)
        case .pauseEnded: return isSet ? .check : .set
        }
    }

    private mutating func checked(_ info: WebhookInfo) -> Action {
        backoff.reset()
        guard info.url == url else {
            isSet = false
            report = IntakeReport(
                .conflict,
                info.url.isEmpty
                    ? "somebody deleted the webhook; setting it again"
                    : "somebody else set a webhook for this bot; setting ours again")
            return .pause(conflictBackoff.next())
        }
        let hasNewError = info.lastErrorDate != nil && info.lastErrorDate != lastErrorDate && !isFirstCheck
        lastErrorDate = info.lastErrorDate
        isFirstCheck = false
        guard hasNewError else {
            conflictBackoff.reset()
            report = IntakeReport(.webhook)
            return .pause(checkInterval)
        }
        let text = info.lastErrorMessage ?? "no reason given"
        report = IntakeReport(
            .failing, "Telegram cannot deliver, \(info.pendingUpdateCount) updates wait there: \(text)")
        return .pause(checkInterval)
    }

    private mutating func failed(_ error: TelegramError) -> Action {
        switch error {
        case .unauthorized, .notFound:
            report = IntakeReport(.refused, "\(error)")
            return .endRefused
        case .rateLimited(let delay):
            return .pause(max(delay, .seconds(1)))
        default:
            report = IntakeReport(.failing, "\(error)")
            return .pause(backoff.next())
        }
    }
}
