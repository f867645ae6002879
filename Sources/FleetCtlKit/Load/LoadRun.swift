import Broker
import FleetModel
import Glibc
import Store

/// Publishes updates into the bots' queues at an even rate and watches the inbox for their settlement.
///
/// One task publishes, one asks the database; both report to the ``LoadTracker`` that this actor guards.
public actor LoadRun {
    public struct Plan: Sendable {
        public var bots: [BotID]
        public var schedule: LoadSchedule
        public var chats: Int
        /// How long to wait for settlements after the last publication.
        public var drain: Duration
        /// More updates than this are not left unsettled: publishing waits, and the rate drops.
        public var maximumUnsettled = 200_000

        public init(bots: [BotID], schedule: LoadSchedule, chats: Int, drain: Duration) {
            self.bots = bots
            self.schedule = schedule
            self.chats = chats
            self.drain = drain
        }
    }

    /// Publications handed to the connection at once.
    private static let batchSize = 200
    private let plan: Plan
    private let publisher: Publisher
    private let database: Database
    private var tracker = LoadTracker()
    private var isPublishing = true

    public init(_ plan: Plan, publisher: Publisher, database: Database) {
        self.plan = plan
        self.publisher = publisher
        self.database = database
    }

    /// Runs to the end, or until the task is cancelled; then reports what there was so far.
    /// - Parameter progress: called about four times a second.
    public func run(progress: @Sendable (LoadTracker, Int) -> Void) async throws -> LoadReport {
        let highest = try await highestUsedID()
        let updates = LoadUpdates(nowMicroseconds: Self.microseconds(), highestUsed: highest, chats: plan.chats)
        let start = ContinuousClock.now
        async let watching: Void = watch()
        try await publishAll(updates, from: start, progress)
        let elapsed = ContinuousClock.now - start
        isPublishing = false
        try await watching
        try await drain(progress)
        return LoadReport(tracker: tracker, bots: plan.bots.count, wanted: plan.schedule.rate, elapsed: elapsed)
    }

    private func publishAll(
        _ updates: LoadUpdates,
        from start: ContinuousClock.Instant,
        _ progress: (LoadTracker, Int) -> Void
    ) async throws(BrokerError) {
        var next = 0
        var lastProgress = start
        while next < plan.schedule.total, !Task.isCancelled {
            let room = plan.maximumUnsettled - tracker.unsettled
            let due = min(plan.schedule.due(after: ContinuousClock.now - start) - next, Self.batchSize, room)
            if due > 0 {
                try await publish(updates, next..<next + due)
                next += due
            } else {
                try? await Task.sleep(for: .milliseconds(5))
            }
            let now = ContinuousClock.now
            if now - lastProgress > .milliseconds(250) {
                progress(tracker, plan.schedule.total)
                lastProgress = now
            }
        }
    }

    /// Beside the publishing, so that questions to the database do not disturb its rate.
    private func watch() async throws(StoreError) {
        while isPublishing, !Task.isCancelled {
            try await look()
            try? await Task.sleep(for: .milliseconds(500))
        }
    }

    private func publish(_ updates: LoadUpdates, _ range: Range<Int>) async throws(BrokerError) {
        let now = Timestamp.now
        let batch = range.map { index in
            Publication(
                routingKey: FleetTopology.intakeQueue(of: bot(index)),
                body: updates.body(index, now: now),
                contentType: "application/json"
            )
        }
        let sent = Self.microseconds()
        let outcomes = try await publisher.publish(batch)
        let confirmedAt = Self.microseconds()
        for (index, outcome) in zip(range, outcomes) {
            let result: LoadTracker.Publishing =
                switch outcome {
                case .confirmed: .confirmed
                case .nacked, .returned, .unsent: .refused
                case .unknown: .unknown
                }
            tracker.published(
                bot: bot(index), id: updates.id(index), at: sent, confirmedAt: confirmedAt, result)
        }
    }

    /// A chat belongs to one bot: chats go round the bots, and updates round the chats.
    private func bot(_ index: Int) -> BotID { plan.bots[index % plan.bots.count] }

    private func drain(_ progress: (LoadTracker, Int) -> Void) async throws(StoreError) {
        let deadline = ContinuousClock.now + plan.drain
        while tracker.unsettled > 0, ContinuousClock.now < deadline, !Task.isCancelled {
            try await look()
            progress(tracker, plan.schedule.total)
            if tracker.unsettled > 0 { try? await Task.sleep(for: .milliseconds(250)) }
        }
    }

    /// Asks the inbox for what is not known to be settled.
    private func look() async throws(StoreError) {
        for bot in tracker.bots {
            guard let range = tracker.open(bot) else { continue }
            let statement = Statement(
                "load.settled",
                """
                SELECT update_id, outcome, (extract(epoch FROM settled_at) * 1000000)::bigint FROM inbox
                WHERE bot_id = $1 AND update_id BETWEEN $2 AND $3
                """
            ) {
                $0.add(bot)
                $0.add(range.lowerBound)
                $0.add(range.upperBound)
            }
            for row in try await database.query(statement, idempotent: true) {
                guard let id = row.int64(0), let outcome = row.int64(1), let time = row.int64(2) else { continue }
                tracker.settled(bot: bot, id: id, at: time, dead: outcome == Int64(InboxOutcome.dead.rawValue))
            }
        }
    }

    private func highestUsedID() async throws(StoreError) -> Int64? {
        var highest: Int64?
        for bot in plan.bots {
            let statement = Statement("load.highest", "SELECT max(update_id) FROM inbox WHERE bot_id = $1") {
                $0.add(bot)
            }
            if let id = try await database.query(statement, idempotent: true).first?.int64(0) {
                highest = max(highest ?? id, id)
            }
        }
        return highest
    }

    private static func microseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }
}
