import FleetModel
import Logging
import Store
import Synchronization

/// The rates of a worker's bots, and the task that leases shares of those that other workers serve too. It sleeps while
/// nothing waits to be sent.
final class FleetRates: Sendable {
    private let rates = Mutex<[BotID: BotRate]>([:])
    private let database: Database
    private let worker: Incarnation
    private let logger: Logger
    private let mailbox = Mailbox<Never>()

    init(database: Database, worker: Incarnation, logger: Logger) {
        self.database = database
        self.worker = worker
        self.logger = logger
    }

    /// The bot's rate in this process: the same for all its lanes.
    func rate(of bot: BotID) -> BotRate {
        rates.withLock { rates in
            if let rate = rates[bot] { return rate }
            let rate = BotRate { [mailbox] in mailbox.wake() }
            rates[bot] = rate
            return rate
        }
    }

    /// Renews shares until the task is cancelled.
    func run() async {
        await withTaskCancellationHandler {
            while !Task.isCancelled {
                let alarm = renew(now: .now).map { moment in
                    Task {
                        try? await Task.sleep(until: moment, clock: .continuous)
                        if !Task.isCancelled { mailbox.wake() }
                    }
                }
                _ = await mailbox.next()
                alarm?.cancel()
            }
        } onCancel: {
            mailbox.wake()
        }
    }

    /// Starts what is due.
    /// - Returns: when something is due next.
    private func renew(now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        let known = rates.withLock { $0 }
        var next: ContinuousClock.Instant?
        for (bot, rate) in known {
            if let ask = rate.takeAsk(now: now) {
                Task { await lease(ask, of: bot, for: rate) }
            } else if let due = rate.nextAsk(now: now) {
                next = min(next ?? due, due)
            }
        }
        return next
    }

    private func lease(_ ask: RateLease.Ask, of bot: BotID, for rate: BotRate) async {
        do throws(StoreError) {
            let answer = try await database.leaseFloodShare(
                bot: bot, worker: worker, demand: ask.demand, wanted: ask.wanted, rate: ask.rate, blocked: ask.blocked)
            rate.leased(
                answer.rows.map { ($0.worker, $0.demand, $0.share) }, own: worker, blocked: answer.blocked, now: .now)
        } catch {
            logger.warning("share of the rate not renewed: \(error)", metadata: ["bot": "\(bot)"])
            rate.leaseFailed(now: .now)
        }
        mailbox.wake()
    }
}
