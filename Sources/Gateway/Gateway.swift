import Broker
import FleetControl
import FleetModel
import HTTPTransport
import Logging
import Store
import TelegramAPI

/// Takes updates in for the bots whose leases this process holds.
///
/// A task a poller, one thread for HTTP, one for the broker, one for the database with a connection or two: a thousand
/// bots need a thousand sockets to Telegram (a dozen where it speaks HTTP/2), and nothing else a thousand of.
public actor Gateway {
    private let configuration: GatewayConfiguration
    private let identity: WorkerIdentity
    private let database: Database
    private let vault: TokenVault
    private let transport: HTTPTransport
    private let publisher: IntakePublisher
    private let logger: Logger
    private let counters = GatewayCounters()

    private var book: LeaseBook
    private var running: [BotID: Running] = [:]
    /// Bots whose token was refused, with that token. Their leases stay here, so that no other gateway tries it too.
    private var parked: [BotID: Parked] = [:]
    private var lastParkedChecked: BotID?
    private var expiry: Task<Void, Never>?
    private var isStopping = false
    private var isStoreFailing = false

    private struct Running {
        let spec: BotSpec
        let task: Task<Void, Never>
    }

    private struct Parked {
        let spec: BotSpec
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
        publisher = IntakePublisher(link: broker, logger: logger)
        book = LeaseBook(ttl: configuration.leaseTTL, margin: configuration.leaseMargin)
    }

    public var metrics: GatewayMetrics { counters.snapshot }
    /// The bots polled now.
    public var polled: [BotID] { running.keys.sorted() }

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

    // MARK: Which bots

    /// Reads the list of bots; starts and stops pollers so that they follow it.
    private func refresh() async {
        do throws(StoreError) {
            let wanted = try await wantedBots()
            let listed = Dictionary(uniqueKeysWithValues: wanted.map { ($0.id, $0) })
            await leave(book.bots.filter { listed[$0] == nil }, within: configuration.endDeadline)
            for (bot, poller) in running where listed[bot] != nil && listed[bot] != poller.spec {
                // Another address or kind of queue: the poller ends and, its lease still held, starts anew below.
                await end([bot], within: configuration.endDeadline)
            }
            try await take(wanted.filter { !book.holds($0.id) })
            try await start(wanted.filter { book.holds($0.id) && running[$0.id] == nil && parked[$0.id] == nil })
            try await recheckParked(listed)
            isStoreFailing = false
        } catch {
            storeFailed(error)
        }
    }

    private func wantedBots() async throws(StoreError) -> [BotSpec] {
        try await database.bots().filter { record in
            record.hasToken && record.spec.desired == .running && record.spec.intake == .polling
        }.map(\.spec)
    }

    private func take(_ free: [BotSpec]) async throws(StoreError) {
        let room = configuration.maximumPollers - book.count
        guard room > 0, !free.isEmpty, !isStopping else { return }
        var bots = free.map(\.id)
        if bots.count > room {
            // Filled with other gateways' bots, the room would stay empty for ever.
            let foreign = try await database.foreignPollerLeases(among: bots, holder: identity.description)
            bots.removeAll { foreign.contains($0) }
        }
        let requestedAt = ContinuousClock.now
        let granted = try await database.acquirePollerLeases(
            Array(bots.prefix(room)), holder: identity.description, ttl: configuration.leaseTTL)
        if isStopping { return await giveBack(Array(granted)) }
        for bot in granted { _ = book.granted(bot, requestedAt: requestedAt) }
        counters.count { $0.leasesTaken += granted.count }
        watchExpiry()
    }

    private func start(_ bots: [BotSpec]) async throws(StoreError) {
        for bot in bots {
            let secret: Secret
            do throws(StoreError) {
                secret = try await database.token(of: bot.id, vault: vault)
            } catch  where error.code == .vault {
                // Another key than ours: an operator has to act, and the other bots need not wait for that.
                logger.error("\(error)", metadata: ["bot": "\(bot.id)"])
                parked[bot.id] = Parked(spec: bot, token: Secret(""))
                continue
            }
            start(bot, secret)
        }
    }

    private func start(_ bot: BotSpec, _ secret: Secret) {
        guard !isStopping, running[bot.id] == nil, let lease = book.lease(of: bot.id) else { return }
        guard let token = BotToken(secret) else {
            logger.error("the stored token is none; set the bot's token again", metadata: ["bot": "\(bot.id)"])
            parked[bot.id] = Parked(spec: bot, token: secret)
            return
        }
        let client = TelegramClient(
            token: token, baseURL: bot.apiURL ?? configuration.telegramAPI, transport: transport)
        let source = TelegramSource(
            client: client, timeout: configuration.pollTimeout, limit: configuration.pollLimit)
        let poller = Poller(
            bot: bot, source: source, sink: publisher, lease: lease, counters: counters, logger: logger)
        let task = Task {
            let end = await poller.run()
            self.ended(bot, end, secret, lease)
        }
        running[bot.id] = Running(spec: bot, task: task)
        logger.info("polling", metadata: ["bot": "\(bot.id)"])
    }

    private func ended(_ bot: BotSpec, _ end: Poller.End, _ token: Secret, _ lease: Lease) {
        running[bot.id] = nil
        guard end == .tokenRefused, book.lease(of: bot.id) === lease else { return }
        parked[bot.id] = Parked(spec: bot, token: token)
    }

    /// A refused token may have been replaced since. A bounded number a refresh, in turn.
    private func recheckParked(_ listed: [BotID: BotSpec]) async throws(StoreError) {
        let bots = parked.keys.sorted()
        let first = bots.firstIndex { bot in lastParkedChecked.map { bot > $0 } ?? true } ?? 0
        for bot in (bots[first...] + bots[..<first]).prefix(configuration.parkedChecks) {
            lastParkedChecked = bot
            guard let spec = listed[bot], let known = parked[bot] else { continue }
            guard let secret = try? await database.token(of: bot, vault: vault), secret != known.token else { continue }
            parked[bot] = nil
            start(spec, secret)
        }
    }

    // MARK: Leases

    private func renew() async {
        let bots = book.bots
        if bots.isEmpty { return }
        let requestedAt = ContinuousClock.now
        do throws(StoreError) {
            let renewed = try await database.renewPollerLeases(
                bots, holder: identity.description, ttl: configuration.leaseTTL)
            lose(book.renewed(renewed, of: bots, requestedAt: requestedAt), "another gateway has the lease")
            watchExpiry()
        } catch {
            // The leases go on until they end; whoever is not renewed by then stops.
            storeFailed(error)
        }
    }

    /// Wakes up when the first lease ends, unless a renewal moves that.
    private func watchExpiry() {
        expiry?.cancel()
        guard let end = book.nextEnd else { return }
        expiry = Task {
            do { try await Task.sleep(until: end, clock: .continuous) } catch { return }
            self.expire()
        }
    }

    private func expire() {
        lose(book.expire(now: .now), "the lease could not be renewed in time")
        watchExpiry()
    }

    private func lose(_ bots: [BotID], _ reason: String) {
        for bot in bots {
            parked[bot] = nil
            running[bot]?.task.cancel()
            counters.count { $0.leasesLost += 1 }
            logger.warning("polling ends: \(reason)", metadata: ["bot": "\(bot)"])
        }
    }

    /// Ends pollers gracefully and gives their leases back.
    private func leave(_ bots: [BotID], within limit: Duration) async {
        guard !bots.isEmpty else { return }
        await end(bots, within: limit)
        for bot in bots {
            parked[bot] = nil
            book.drop(bot)
            await publisher.forget(bot)
            logger.info("no longer polling", metadata: ["bot": "\(bot)"])
        }
        await giveBack(bots)
    }

    /// Waits for the pollers' ends, but no longer than `limit`: one that a silent broker holds up loses its lease, so it
    /// sends no further request, and what it holds is still Telegram's.
    private func end(_ bots: [BotID], within limit: Duration) async {
        let tasks = bots.compactMap { running[$0]?.task }
        for task in tasks { task.cancel() }
        // In a task of its own: a cancelled caller waits as well.
        let haveEnded = await Task {
            do throws(BrokerError) {
                try await withDeadline(limit, "pollers") { () async throws(BrokerError) in
                    for task in tasks { await task.value }
                }
                return true
            } catch {
                return false
            }
        }.value
        if haveEnded { return }
        for bot in bots where running[bot] != nil {
            book.drop(bot)
            logger.warning("a poller did not end in time", metadata: ["bot": "\(bot)"])
        }
    }

    private func giveBack(_ bots: [BotID]) async {
        do throws(StoreError) {
            try await database.releasePollerLeases(bots, holder: identity.description)
        } catch {
            logger.warning("leases were not given back and end by themselves: \(error)")
        }
    }

    private func storeFailed(_ error: StoreError) {
        if !isStoreFailing { logger.warning("the database does not answer: \(error)") }
        isStoreFailing = true
    }

    // MARK: The end

    /// Bounded: what is not published by ``GatewayConfiguration/stopDeadline`` stays at Telegram.
    private func stop() async {
        isStopping = true
        await leave(book.bots, within: configuration.stopDeadline)
        expiry?.cancel()
        await publisher.close()
    }
}
