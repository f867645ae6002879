import FleetControl
import FleetModel
import Logging
import Store

/// Keeps the roster: takes heartbeats in, tells tallies who is gone, reminds those behind, and writes what changed to
/// the database now and then.
actor RosterKeeper {
    private var roster = Roster()
    private let broadcaster: Broadcaster
    private let database: Database
    private let logger: Logger
    /// Given when a worker came or went.
    private let changed: Nudge
    private var isReminding = false
    private var refusedAt: ContinuousClock.Instant?
    private var goneWaiters: [CheckedContinuation<Void, Never>] = []

    init(broadcaster: Broadcaster, database: Database, changed: Nudge, logger: Logger) {
        self.broadcaster = broadcaster
        self.database = database
        self.changed = changed
        self.logger = logger
    }

    /// Workers heard of a moment ago by the coordinator's earlier life, so that a broadcast right after a restart knows
    /// whom to expect.
    func load() async throws(StoreError) {
        for row in try await database.workers(seenWithin: Heartbeat.lateAfter) {
            guard let heartbeat = row.heartbeat, row.state != .stopped, row.state != .failed else { continue }
            _ = roster.heard(heartbeat, now: .now)
        }
    }

    func heard(_ batch: [Heartbeat]) async {
        var gone: [WorkerIdentity] = []
        var behind: [Incarnation] = []
        let now = ContinuousClock.now
        for heartbeat in batch {
            for event in roster.heard(heartbeat, now: now) {
                switch event {
                case .joined(let worker):
                    logger.info("joined", metadata: ["worker": "\(worker)"])
                    changed.give()
                case .left(let worker), .superseded(let worker): gone.append(worker)
                case .behind(let worker): behind.append(worker.incarnation)
                case .refused(let worker): warnFull(worker, now: now)
                }
            }
        }
        remind(behind)
        for worker in gone { await lost(worker) }
    }

    /// A supervised process ended.
    func exited(_ exit: ProcessExit) async {
        if let worker = roster.exited(name: exit.name, pid: exit.pid) { await lost(worker) }
    }

    private func lost(_ worker: WorkerIdentity) async {
        logger.info("gone", metadata: ["worker": "\(worker)"])
        wakeWaiters()
        changed.give()
        await broadcaster.died(worker.incarnation)
    }

    /// Waits until none of them is heard of any more, or `deadline` has passed.
    func untilGone(_ workers: Set<Incarnation>, by deadline: ContinuousClock.Instant) async {
        if workers.isEmpty { return }
        let timer = Task {
            try? await Task.sleep(until: deadline, clock: .continuous)
            self.wakeWaiters()
        }
        defer { timer.cancel() }
        while ContinuousClock.now < deadline, workers.contains(where: { isHeardOf($0) }) {
            await withCheckedContinuation { goneWaiters.append($0) }
        }
    }

    private func wakeWaiters() {
        let waiters = goneWaiters
        goneWaiters = []
        for waiter in waiters { waiter.resume() }
    }

    private func warnFull(_ worker: WorkerIdentity, now: ContinuousClock.Instant) {
        if let refusedAt, refusedAt.duration(to: now) < .seconds(60) { return }
        refusedAt = now
        logger.error("the roster is full, further workers are not shown", metadata: ["worker": "\(worker)"])
    }

    /// One round at a time: whoever is left out is still behind at its next heartbeat.
    private func remind(_ workers: [Incarnation]) {
        guard !workers.isEmpty, !isReminding else { return }
        isReminding = true
        Task {
            do throws(BroadcastError) {
                try await broadcaster.send(.refresh, to: workers)
            } catch {
                logger.warning("could not remind workers of the config: \(error)")
            }
            isReminding = false
        }
    }

    // MARK: Questions

    func setGeneration(_ number: Int64, hash: String) { roster.setGeneration(number, hash: hash, now: .now) }
    func views() -> [WorkerView] { roster.views(now: .now) }
    func presences() -> [Roster.Presence] { roster.presences(now: .now) }
    func isHeardOf(_ incarnation: Incarnation) -> Bool { roster.isHeardOf(incarnation, now: .now) }
    func expected(where covers: @Sendable (BotID) -> Bool) -> [Tally.Expected] { roster.expected(where: covers) }

    // MARK: The database

    /// Writes what changed in one statement. A failure is no harm: the next heartbeats change it again.
    func persist() async {
        for worker in roster.expire(now: .now) {
            logger.info("forgotten", metadata: ["worker": "\(worker)"])
            await broadcaster.died(worker.incarnation)
        }
        let rows = roster.takeChanges().map { change in
            var heartbeat = change.heartbeat
            if change.isDead { heartbeat.state = .failed }
            return heartbeat
        }
        do throws(StoreError) {
            try await database.recordHeartbeats(rows)
        } catch {
            logger.warning("the roster was not stored: \(error)")
        }
    }
}
