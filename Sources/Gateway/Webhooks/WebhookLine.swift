import Broker
import FleetModel
import Logging
import TelegramAPI

/// Publishes what requests bring for one bot: does what ``WebhookLineState`` says.
actor WebhookLine {
    private let sink: any UpdateSink
    private let counters: GatewayCounters
    private let logger: Logger
    private var state = WebhookLineState()
    private var answers: [Int: CheckedContinuation<Bool, Never>] = [:]
    private var lastRequest = 0

    init(sink: any UpdateSink, counters: GatewayCounters, logger: Logger) {
        self.sink = sink
        self.counters = counters
        self.logger = logger
    }

    /// - Returns: whether the broker confirmed it in time. If not it may be in the queue all the same.
    func take(_ update: PendingUpdate, of bot: BotSpec, within limit: Duration) async -> Bool {
        lastRequest += 1
        let request = lastRequest
        let timer = Task {
            do { try await Task.sleep(for: limit) } catch { return }
            giveUp(request)
        }
        defer { timer.cancel() }
        return await withCheckedContinuation { continuation in
            answers[request] = continuation
            state.arrived(request, update)
            publish(bot)
        }
    }

    private func giveUp(_ request: Int) {
        guard let answer = answers.removeValue(forKey: request) else { return }
        state.gaveUp(request)
        answer.resume(returning: false)
    }

    /// At most one publication is under way; when it is over, the next begins.
    private func publish(_ bot: BotSpec) {
        guard let updates = state.next() else { return }
        Task {
            let outcomes = await publish(updates, bot)
            for (request, isTaken) in state.settled(outcomes) {
                answers.removeValue(forKey: request)?.resume(returning: isTaken)
            }
            publish(bot)
        }
    }

    private func publish(_ updates: [ReceivedUpdate], _ bot: BotSpec) async -> [PublishOutcome]? {
        do throws(BrokerError) {
            let outcomes = try await sink.publish(updates, of: bot)
            let confirmed = outcomes.count { $0.isConfirmed }
            counters.count {
                $0.updatesConfirmed += confirmed
                $0.publishFailures += outcomes.count - confirmed
            }
            return outcomes
        } catch {
            counters.count { $0.publishFailures += updates.count }
            logger.debug("cannot publish: \(error)", metadata: ["bot": "\(bot.id)"])
            return nil
        }
    }
}
