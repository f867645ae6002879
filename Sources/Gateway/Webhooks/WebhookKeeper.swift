import EventLoop
import FleetModel
import Logging
import TelegramAPI

/// What a keeper does at Telegram.
protocol WebhookAPI: Sendable {
    /// Where Telegram is to call.
    var url: String { get }
    func set() async throws(TelegramError)
    func info() async throws(TelegramError) -> WebhookInfo
    func delete() async throws(TelegramError)
}

/// A bot's webhook at Telegram.
struct TelegramWebhook: WebhookAPI {
    let client: TelegramClient
    let url: String
    let secret: Secret
    let connections: Int
    /// A request is over, or given up, well before the lease could be somebody else's.
    private static let deadline: Duration = .seconds(10)

    func set() async throws(TelegramError) {
        let webhook = SetWebhook(
            url: url, maxConnections: connections, allowedUpdates: AllowedUpdates.all, secretToken: secret.reveal())
        try await client.setWebhook(webhook, deadline: Self.deadline)
    }

    func info() async throws(TelegramError) -> WebhookInfo { try await client.webhookInfo(deadline: Self.deadline) }
    func delete() async throws(TelegramError) { try await client.deleteWebhook(deadline: Self.deadline) }
}

/// Keeps one bot's webhook set while its lease lasts, or has it deleted. Its end leaves the webhook as it is: whoever
/// has the lease next goes on, and requests are taken meanwhile.
struct WebhookKeeper: Sendable {
    let bot: BotID
    let api: any WebhookAPI
    let lease: Lease
    let board: IntakeBoard
    let logger: Logger

    func keep(checkInterval: Duration) async -> IntakeEnd {
        var state = WebhookKeeperState(url: api.url, checkInterval: checkInterval)
        var action = state.begin()
        var said = state.report
        while true {
            if state.report != said {
                said = state.report
                tell(said)
            }
            if action == .endRefused { return .tokenRefused }
            if Task.isCancelled { return .stopped }
            guard lease.isValid(at: .now) else { return .leaseLost }
            let event = await perform(action)
            guard lease.isValid(at: .now) else { return .leaseLost }
            if Task.isCancelled { return .stopped }
            action = state.handle(event)
        }
    }

    private func perform(_ action: WebhookKeeperState.Action) async -> WebhookKeeperState.Event {
        do throws(TelegramError) {
            switch action {
            case .set:
                try await api.set()
                logger.info("webhook set", metadata: ["bot": "\(bot)"])
                return .wasSet
            case .check:
                return .checked(try await api.info())
            case .pause(let duration):
                try? await Task.sleep(for: duration)
                return .pauseEnded
            case .endRefused:
                return .pauseEnded
            }
        } catch {
            return .failed(error)
        }
    }

    private func tell(_ report: IntakeReport) {
        board.set(report, of: bot)
        let detail = report.detail ?? ""
        switch report.condition {
        case .starting, .polling, .webhook: logger.info("Telegram calls", metadata: ["bot": "\(bot)"])
        case .refused: logger.error("no webhook until the token changes: \(detail)", metadata: ["bot": "\(bot)"])
        case .conflict, .failing: logger.warning("webhook: \(detail)", metadata: ["bot": "\(bot)"])
        }
    }

    /// Has Telegram forget the webhook. Updates that wait stay there.
    func withdraw() async -> IntakeEnd {
        var backoff = Backoff(floor: .milliseconds(500), cap: .seconds(30))
        while lease.isValid(at: .now), !Task.isCancelled {
            do throws(TelegramError) {
                try await api.delete()
                return .withdrawn
            } catch {
                // Of a token that is none any more there is nothing to withdraw.
                if error == .unauthorized || error == .notFound { return .withdrawn }
                board.set(IntakeReport(.failing, "the webhook is not deleted yet: \(error)"), of: bot)
                try? await Task.sleep(for: backoff.next())
            }
        }
        return lease.isValid(at: .now) ? .stopped : .leaseLost
    }
}
