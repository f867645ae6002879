import FleetModel
import Logging
import Store
import TelegramAPI

extension Gateway {
    /// Starts what is to be done for a bot whose lease is held.
    func start(_ job: IntakeJob) async throws(StoreError) {
        let bot = job.bot.id
        let token: Secret
        do throws(StoreError) {
            token = try await database.token(of: bot, vault: vault)
        } catch  where error.code == .vault {
            // Another key than ours: an operator has to act, and the other bots need not wait for that.
            return park(job, Secret(""), "\(error)")
        }
        guard let parsed = BotToken(token) else {
            return park(job, token, "the stored token is none; set the bot's token again")
        }
        let client = TelegramClient(
            token: parsed, baseURL: job.bot.apiURL ?? configuration.telegramAPI, transport: transport)
        switch job.work {
        case .poll: poll(job, client, token)
        case .webhook: try await keepWebhook(job, client, token)
        case .withdraw: withdrawWebhook(job, client, token)
        }
    }

    private func park(_ job: IntakeJob, _ token: Secret, _ reason: String) {
        logger.error("\(reason)", metadata: ["bot": "\(job.bot.id)"])
        board.set(IntakeReport(.refused, reason), of: job.bot.id)
        parked[job.bot.id] = Parked(job: job, token: token)
    }

    private func poll(_ job: IntakeJob, _ client: TelegramClient, _ token: Secret) {
        let bot = job.bot
        let source = TelegramSource(
            client: client, timeout: configuration.pollTimeout, limit: configuration.pollLimit,
            onWebhookDeleted: { await self.forgetWebhook(of: bot.id) })
        run(job, token) { [publisher, board, counters, logger] lease in
            await Poller(
                bot: bot, source: source, sink: publisher, lease: lease, hasWebhook: job.webhook != nil, board: board,
                counters: counters, logger: logger
            ).run()
        }
    }

    /// The path is known here before Telegram is, and in the other gateways at their next refresh; until then they
    /// answer 404, and Telegram calls again.
    private func keepWebhook(_ job: IntakeJob, _ client: TelegramClient, _ token: Secret) async throws(StoreError) {
        guard let webhooks else { return }
        let bot = job.bot
        let record: WebhookRecord
        let secret: Secret
        if let stored = job.webhook {
            record = stored
        } else {
            record = try await database.prepareWebhook(
                of: job.bot.id, path: WebhookRoute.randomPath(), secret: WebhookRoute.randomSecret(), vault: vault)
        }
        do throws(StoreError) {
            secret = try vault.open(record.sealedSecret, for: job.bot.id, as: .webhookSecret)
        } catch {
            return park(job, token, "\(error)")
        }
        var job = job
        job.webhook = record
        routes[bot.id] = WebhookRoute(bot: bot, record: record, secret: secret)
        webhooks.update(routes.values)
        let settings = webhooks.configuration
        let api = TelegramWebhook(
            client: client, url: settings.url(of: record.path), secret: secret, connections: settings.connections)
        run(job, token) { [board, logger] lease in
            await WebhookKeeper(bot: bot.id, api: api, lease: lease, board: board, logger: logger)
                .keep(checkInterval: settings.checkInterval)
        }
    }

    private func withdrawWebhook(_ job: IntakeJob, _ client: TelegramClient, _ token: Secret) {
        let api = TelegramWebhook(client: client, url: "", secret: Secret(""), connections: 1)
        run(job, token) { [board, logger] lease in
            await WebhookKeeper(bot: job.bot.id, api: api, lease: lease, board: board, logger: logger).withdraw()
        }
    }

    private func run(_ job: IntakeJob, _ token: Secret, _ body: @escaping @Sendable (Lease) async -> IntakeEnd) {
        let bot = job.bot.id
        guard !isStopping, running[bot] == nil, let lease = book.lease(of: bot) else { return }
        let task = Task {
            let end = await body(lease)
            await self.ended(job, end, token, lease)
        }
        running[bot] = Running(job: job, task: task)
        logger.info("taking in", metadata: ["bot": "\(bot)", "by": "\(job.work)"])
    }

    private func ended(_ job: IntakeJob, _ end: IntakeEnd, _ token: Secret, _ lease: Lease) async {
        let bot = job.bot.id
        running[bot] = nil
        guard book.lease(of: bot) === lease else { return }
        switch end {
        case .tokenRefused: parked[bot] = Parked(job: job, token: token)
        case .withdrawn:
            await forgetWebhook(of: bot)
            await leave([bot], within: configuration.endDeadline)
        case .stopped, .leaseLost: break
        }
    }

    /// When the database is away it stays as it is, and the next start deletes it at Telegram once more.
    private func forgetWebhook(of bot: BotID) async {
        do throws(StoreError) {
            try await database.forgetWebhook(of: bot, holder: identity.description)
        } catch {
            storeFailed(error)
        }
    }

    /// Follows the list of bots: these paths are taken from now on.
    func updateRoutes(_ records: [BotRecord]) {
        guard let webhooks else { return }
        var next: [BotID: WebhookRoute] = [:]
        for record in records where record.spec.desired == .running {
            guard let stored = record.webhook else { continue }
            let bot = record.spec
            if let known = routes[bot.id], known.record == stored {
                next[bot.id] = known.bot == bot ? known : WebhookRoute(bot: bot, like: known)
            } else if let secret = try? vault.open(stored.sealedSecret, for: bot.id, as: .webhookSecret) {
                next[bot.id] = WebhookRoute(bot: bot, record: stored, secret: secret)
            } else if unopened.insert(bot.id).inserted {
                logger.error(
                    "a webhook's secret cannot be opened; check FLEET_KEY_FILE", metadata: ["bot": "\(bot.id)"])
            }
        }
        routes = next
        webhooks.update(next.values)
    }
}
