import Broker
import FleetModel
import Logging
import TelegramAPI

/// Where a poller gets updates. Telegram, or a test.
protocol UpdateSource: Sendable {
    func updates(from offset: Int64?, allKinds: Bool) async throws(TelegramError) -> [ReceivedUpdate]
    /// Acknowledges all before `offset`, quickly.
    func commit(offset: Int64) async throws(TelegramError)
    func deleteWebhook() async throws(TelegramError)
}

/// Where a poller puts them. The broker, or a test.
protocol UpdateSink: Sendable {
    /// - Returns: one outcome an update, in their order. Cancellation does not cut a publication short.
    func publish(_ updates: [ReceivedUpdate], of bot: BotSpec) async throws(BrokerError) -> [PublishOutcome]
}

/// Carries one bot's updates from Telegram to its queue while its lease lasts: does what ``PollerState`` says.
///
/// Cancelling its task is the graceful end. A revoked lease is the abrupt one: no request goes out after it.
struct Poller: Sendable {
    let bot: BotSpec
    let source: any UpdateSource
    let sink: any UpdateSink
    let lease: Lease
    /// A webhook may be set: it is deleted before the first poll.
    var hasWebhook = false
    let board: IntakeBoard
    let counters: GatewayCounters
    let logger: Logger

    func run() async -> IntakeEnd {
        var state = PollerState(hasWebhook: hasWebhook)
        var action = state.begin()
        var said: IntakeReport?
        while true {
            report(state.takeNotices())
            if said != state.report {
                said = state.report
                board.set(state.report, of: bot.id)
            }
            if case .end(let end) = action { return end == .tokenRefused ? .tokenRefused : .stopped }
            guard lease.isValid(at: .now) else { return .leaseLost }
            let event = await perform(action)
            guard lease.isValid(at: .now) else { return .leaseLost }
            if Task.isCancelled { state.stop() }
            action = state.handle(event)
        }
    }

    private func perform(_ action: PollerState.Action) async -> PollerState.Event {
        switch action {
        case .poll(let offset, let allKinds): return await poll(offset, allKinds)
        case .publish(let updates): return await publish(updates)
        case .pause(let duration):
            try? await Task.sleep(for: duration)
            return .pauseEnded
        case .deleteWebhook:
            do throws(TelegramError) {
                try await source.deleteWebhook()
                return .webhookDeleted
            } catch {
                return .webhookKept(error)
            }
        case .commit(let offset):
            // The task is cancelled by now; this one request is not to be.
            await Task { [source] in try? await source.commit(offset: offset) }.value
            return .commitEnded
        case .end:
            return .commitEnded
        }
    }

    private func poll(_ offset: Int64?, _ allKinds: Bool) async -> PollerState.Event {
        do throws(TelegramError) {
            let updates = try await source.updates(from: offset, allKinds: allKinds)
            counters.count {
                $0.polls += 1
                $0.updatesReceived += updates.count
            }
            return .received(updates)
        } catch {
            if !Task.isCancelled {
                counters.count {
                    $0.pollFailures += 1
                    if case .conflict = error { $0.conflicts += 1 }
                    if case .unauthorized = error { $0.tokensRefused += 1 }
                }
            }
            return .pollFailed(error)
        }
    }

    private func publish(_ updates: [ReceivedUpdate]) async -> PollerState.Event {
        do throws(BrokerError) {
            let outcomes = try await sink.publish(updates, of: bot)
            let confirmed = outcomes.count { $0.isConfirmed }
            counters.count {
                $0.updatesConfirmed += confirmed
                $0.publishFailures += outcomes.count - confirmed
            }
            return .published(outcomes)
        } catch {
            counters.count { $0.publishFailures += updates.count }
            logger.debug("cannot publish: \(error)", metadata: ["bot": "\(bot.id)"])
            return .publishFailed
        }
    }

    private func report(_ notices: [PollerState.Notice]) {
        for notice in notices {
            switch notice {
            case .conflict(let text):
                logger.warning(
                    "somebody else polls with this bot's token; stop that process or change the token: \(text)",
                    metadata: ["bot": "\(bot.id)"])
            case .webhookInTheWay:
                logger.notice(
                    "a webhook is set; deleting it, because this bot is polled", metadata: ["bot": "\(bot.id)"])
            case .tokenRefused(let error):
                logger.error("polling ends until the token changes: \(error)", metadata: ["bot": "\(bot.id)"])
            case .telegramFails(let error):
                logger.warning("polling fails, trying on: \(error)", metadata: ["bot": "\(bot.id)"])
            case .telegramWorks: logger.info("polling works again", metadata: ["bot": "\(bot.id)"])
            case .intakeRefused:
                logger.warning(
                    "RabbitMQ does not take updates (queue full, or broker away); Telegram keeps them until it does",
                    metadata: ["bot": "\(bot.id)"])
            case .idsRestarted(let id):
                logger.notice(
                    "Telegram's update ids go on from a lower number; taking them in",
                    metadata: ["bot": "\(bot.id)", "update": "\(id)"])
            case .intakeWorks: logger.info("RabbitMQ takes updates again", metadata: ["bot": "\(bot.id)"])
            }
        }
    }
}
