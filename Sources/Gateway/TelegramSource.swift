import TelegramAPI

/// A bot's updates by long polling.
struct TelegramSource: UpdateSource {
    let client: TelegramClient
    let timeout: Duration
    let limit: Int
    /// Told when no webhook is set any more.
    let onWebhookDeleted: @Sendable () async -> Void

    func updates(from offset: Int64?, allKinds: Bool) async throws(TelegramError) -> [ReceivedUpdate] {
        try await client.getUpdates(
            offset: offset, limit: limit, timeout: timeout, allowedUpdates: allKinds ? AllowedUpdates.all : nil)
    }

    func commit(offset: Int64) async throws(TelegramError) {
        _ = try await client.getUpdates(offset: offset, limit: 1, timeout: .zero, deadline: .seconds(3))
    }

    func deleteWebhook() async throws(TelegramError) {
        try await client.deleteWebhook(deadline: .seconds(10))
        await onWebhookDeleted()
    }
}
