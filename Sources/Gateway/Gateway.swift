import Broker
import FleetControl
import FleetModel
import HTTPTransport
import Logging
import Store
import TelegramAPI

/// Takes updates in: polls for the bots whose leases this process holds, or sees to their webhooks; and takes webhooks
/// of all bots.
///
/// A task a bot, one thread for HTTP, one for the broker, one for the database with a connection or two: a thousand
/// bots need a thousand sockets to Telegram (a dozen where it speaks HTTP/2), and nothing else a thousand of.
public actor Gateway {
    let configuration: GatewayConfiguration
    let identity: WorkerIdentity
    let database: Database
    let vault: TokenVault
    let transport: HTTPTransport
    let publisher: IntakePublisher
    let logger: Logger
    let counters = GatewayCounters()
    let board = IntakeBoard()
    /// For the server that takes webhooks; `nil` without ``GatewayConfiguration/webhooks``.
    public nonisolated let webhooks: WebhookIntake?

    var book: LeaseBook
    var running: [BotID: Running] = [:]
    /// Bots whose token was refused, with that token. Their leases stay here, so that no other gateway tries it too.
    var parked: [BotID: Parked] = [:]
    var routes: [BotID: WebhookRoute] = [:]
    /// Bots whose webhook's secret our key does not open; said once.
    var unopened: Set<BotID> = []
    var expiry: Task<Void, Never>?
    var isStopping = false
    private var lastParkedChecked: BotID?
    private var isStoreFailing = false

    struct Running {
        let job: IntakeJob
        let task: Task<Void, Never>
    }

    struct Parked {
        let job: IntakeJob
        let token: Secret
    }

    /// - Parameter identity: the incarnation makes it the holder of its leases, unlike the process before it.
    public init(
        _ configuration: GatewayConfiguration, identity: WorkerIdentity, database: Database, vault: TokenVault,
        broker: BrokerLink, transport: HTTPTransport, logger: Logger
    ) {
        self.configuration = configuration
        self.identity = identity
        self.database = database
        self.vault = vault
        self.transport = transport
        self.logger = logger
        let publisher = IntakePublisher(link: broker, logger: logger)
        self.publisher = publisher
        let counters = counters
        webhooks = configuration.webhooks.map {
            WebhookIntake($0, sink: publisher, counters: counters, logger: logger)
        }
        book = LeaseBook(ttl: configuration.leaseTTL, margin: configuration.leaseMargin)
    }

    public var metrics: GatewayMetrics { counters.snapshot }
    /// The bots polled now.
    public var polled: [BotID] { bots(with: .poll) }
    /// The bots whose webhooks are kept now.
    public var hooked: [BotID] { bots(with: .webhook) }

    private func bots(with work: IntakeJob.Work) -> [BotID] {
        running.values.lazy.filter { $0.job.work == work }.map(\.job.bot.id).sorted()
    }

    /// Works until the task is cancelled; then publishes what is at hand, gives the leases back and returns.
    public func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.every(self.configuration.botRefresh) { await self.refresh() } }
            group.addTask { await self.every(self.configuration.leaseRenewal) { await self.renew() } }
        }
        // What follows must not see the cancellation that led here.
        await Task { await self.stop() }.value
    }

    private nonisolated func every(_ interval: Duration, _ body: @Sendable () async -> Void) async {
        while !Task.isCancelled {
            await body()
            try? await Task.sleep(for: interval)
        }
    }

    /// Reads the list of bots; starts and stops work so that it follows the list.
    private func refresh() async {
        do throws(StoreError) {
            let records = try await database.bots()
            updateRoutes(records)
            let jobs = records.compactMap { IntakeJob($0, takesWebhooks: webhooks != nil) }
            let listed = Dictionary(uniqueKeysWithValues: jobs.map { ($0.bot.id, $0) })
            await leave(book.bots.filter { listed[$0] == nil }, within: configuration.endDeadline)
            // Other work, another address or kind of queue: what runs ends and, the lease still held, starts anew below.
            let changed = { (job: IntakeJob) in listed[job.bot.id].map { !job.isServed(like: $0) } ?? false }
            await end(running.values.map(\.job).filter(changed).map(\.bot.id), within: configuration.endDeadline)
            for job in parked.values.map(\.job) where changed(job) { parked[job.bot.id] = nil }
            try await take(jobs.map(\.bot.id).filter { !book.holds($0) })
            for job in jobs where book.holds(job.bot.id) && running[job.bot.id] == nil && parked[job.bot.id] == nil {
                try await start(job)
            }
            try await recheckParked(listed)
            isStoreFailing = false
        } catch {
            storeFailed(error)
        }
    }

    /// A refused token may have been replaced since. A bounded number a refresh, in turn.
    private func recheckParked(_ listed: [BotID: IntakeJob]) async throws(StoreError) {
        let bots = parked.keys.sorted()
        let first = bots.firstIndex { bot in lastParkedChecked.map { bot > $0 } ?? true } ?? 0
        for bot in (bots[first...] + bots[..<first]).prefix(configuration.parkedChecks) {
            lastParkedChecked = bot
            guard let job = listed[bot], let known = parked[bot] else { continue }
            guard let secret = try? await database.token(of: bot, vault: vault), secret != known.token else { continue }
            parked[bot] = nil
            try await start(job)
        }
    }

    func storeFailed(_ error: StoreError) {
        if !isStoreFailing { logger.warning("the database does not answer: \(error)") }
        isStoreFailing = true
    }

    /// Bounded: what is not published by ``GatewayConfiguration/stopDeadline`` stays at Telegram.
    private func stop() async {
        isStopping = true
        await leave(book.bots, within: configuration.stopDeadline)
        expiry?.cancel()
        await publisher.close()
    }
}
