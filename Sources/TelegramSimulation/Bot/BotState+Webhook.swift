extension BotState {
    mutating func setWebhook(_ webhook: Webhook?, drop: Bool, now: Int64) -> PollAnswer? {
        self.webhook = webhook
        webhookGeneration += 1
        if drop { discard(queue.removeAll()) }
        return webhook == nil ? nil : endPoll(with: .webhookTookOver)
    }

    /// The deliveries to start now; each is answered by ``delivered(_:failure:now:)``.
    mutating func startDeliveries(now: Int64) -> [WebhookDelivery] {
        guard webhook != nil else { return [] }
        // What is in hand must stay the head of the queue, so nothing expires under it.
        if webhook?.slots.isEmpty == true { expire(now: now) }
        guard var hook = webhook else { return [] }
        let started = hook.start(queue, now: now)
        webhook = hook
        return started.map { update in
            markHandedOut(update, now: now)
            return WebhookDelivery(
                bot: identity.id,
                url: hook.url,
                secret: hook.secret,
                update: update.id,
                body: update.body,
                generation: webhookGeneration
            )
        }
    }

    /// A delivery has ended: with a 2xx when `failure` is `nil`. Returns the pause in microseconds before the next try.
    mutating func delivered(_ delivery: WebhookDelivery, failure: String?, now: Int64) -> Int64? {
        guard delivery.generation == webhookGeneration, let count = webhook?.slots.count else { return nil }
        if let failure {
            counts.webhookFailures += 1
            return webhook?.failed(delivery.update, text: failure, now: now)
        }
        webhook?.finished(delivery.update)
        if let update = queue.remove(id: delivery.update, among: count) { confirm([update], now: now) }
        return nil
    }

    /// Bot API, "WebhookInfo".
    var webhookInfo: [UInt8] {
        var out = JSONWriter()
        out.raw("{")
        out.member("url", webhook?.url ?? "")
        out.raw(",\"has_custom_certificate\":false")
        out.member("pending_update_count", queue.count)
        if let webhook {
            out.member("max_connections", webhook.maxConnections)
            if let error = webhook.lastError {
                out.member("last_error_date", error.at / 1_000_000)
                out.member("last_error_message", error.text)
            }
        }
        if let allowed {
            out.key("allowed_updates")
            AllowedUpdates.write(allowed, to: &out)
        }
        out.raw("}")
        return out.bytes
    }
}
