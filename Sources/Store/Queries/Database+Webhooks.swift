import FleetModel

/// Where Telegram calls for a bot, and what it must say there.
public struct WebhookRecord: Sendable, Equatable {
    /// The last part of the address: random, and no secret of the bot's.
    public let path: String
    /// Opened with `TokenVault.open(_:for:as: .webhookSecret)`.
    public let sealedSecret: [UInt8]

    /// - Returns: `nil` unless both are there.
    public init?(path: String?, sealedSecret: [UInt8]?) {
        guard let path, let sealedSecret else { return nil }
        self.path = path
        self.sealedSecret = sealedSecret
    }
}

extension Database {
    /// Gives a bot a webhook's path and secret, unless it has them.
    /// - Returns: those it has now.
    /// - Throws: `.notFound`
    public func prepareWebhook(
        of id: BotID, path: String, secret: Secret, vault: TokenVault
    ) async throws(StoreError) -> WebhookRecord {
        let sealed = try vault.seal(secret, for: id, as: .webhookSecret)
        let statement = Statement(
            "webhook.prepare",
            """
            UPDATE bot SET webhook_path = coalesce(webhook_path, $2),
                webhook_secret_sealed = CASE WHEN webhook_path IS NULL THEN $3 ELSE webhook_secret_sealed END
            WHERE id = $1 RETURNING webhook_path, webhook_secret_sealed
            """
        ) {
            $0.add(id)
            $0.add(path)
            $0.add(sealed)
        }
        guard let row = try await query(statement, idempotent: true).first,
            let record = WebhookRecord(path: row.text(0), sealedSecret: row.bytes(1))
        else { throw StoreError(.notFound, "there is no bot \(id)") }
        return record
    }

    /// Forgets a webhook that Telegram was told to forget. Without effect when the bot is to have one meanwhile, or when
    /// somebody else than `holder` has its lease now: what he set is not ours to forget.
    public func forgetWebhook(of id: BotID, holder: String) async throws(StoreError) {
        let statement = Statement(
            "webhook.forget",
            """
            UPDATE bot SET webhook_path = NULL, webhook_secret_sealed = NULL
            WHERE id = $1 AND (intake = 'polling' OR desired = 'stopped') AND EXISTS (
                SELECT FROM poller_lease WHERE bot_id = $1 AND holder = $2 AND expires_at > clock_timestamp()
            )
            """
        ) {
            $0.add(id)
            $0.add(holder)
        }
        _ = try await query(statement, idempotent: true)
    }
}
