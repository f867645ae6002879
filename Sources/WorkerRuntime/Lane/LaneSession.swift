import BotKit
import Broker
import FleetModel
import Logging
import Store
import TelegramAPI

/// The runner's side of one subscription: what is under way for the lane, and the step that starts what comes next.
struct LaneSession {
    let runner: LaneRunner
    let subscription: LaneSubscription
    let drainDeadline: Duration
    private(set) var claim: LaneClaim?
    private var isLost = false
    private(set) var isFenced = false
    /// The claim was refused: the lane is sealed.
    private var isRefused = false
    private var isHandingOver = false
    private var drainBy: ContinuousClock.Instant?
    private var databasePauseUntil: ContinuousClock.Instant?
    var databaseTasks = 0
    private var handlers: [UInt64: Task<Void, Never>] = [:]
    private var alarm: (at: ContinuousClock.Instant, task: Task<Void, Never>)?

    init(runner: LaneRunner, subscription: LaneSubscription, drainDeadline: Duration) {
        self.runner = runner
        self.subscription = subscription
        self.drainDeadline = drainDeadline
    }

    // MARK: What happened

    mutating func take(_ event: LaneEvent, _ lane: inout Lane, now: ContinuousClock.Instant) {
        switch event {
        case .arrived(let number, let arrivals):
            guard number == subscription.number else { return }
            lane.arrived(arrivals, now: now)
        case .channelFailed(let number, let error):
            guard number == subscription.number else { return }
            runner.logger.warning("subscription lost: \(error)")
            isLost = true
        case .stalled(let number):
            if number == subscription.number { isLost = true }
        case .handOver(let number):
            guard number == subscription.number, !lane.isDraining else { return }
            isHandingOver = true
            lane.isDraining = true
            drainBy = now + drainDeadline
        case .sealed(let result):
            databaseTasks -= 1
            sealEnded(result, &lane, now: now)
        case .subscribed: break
        case .reread(let result):
            databaseTasks -= 1
            switch result {
            case .success(let rows): lane.reread(rows, now: now)
            case .failure(let error):
                lane.rereadFailed()
                pauseDatabase(error, now: now)
            }
        case .renewed(let moment, let result):
            databaseTasks -= 1
            switch result {
            case .success: lane.renewed(asOf: moment)
            case .failure(let error):
                lane.renewFailed()
                if error.code == .fenced { leave() } else { pauseDatabase(error, now: now) }
            }
        case .claimed(let result):
            databaseTasks -= 1
            claimEnded(result, &lane, now: now)
        case .recalled(let recall, let result):
            databaseTasks -= 1
            switch result {
            case .success(let answer):
                lane.recalled(
                    recall, inbox: answer.inbox, sessions: answer.sessions, waiting: answer.waiting,
                    blocked: answer.blocked, now: now)
            case .failure(let error):
                lane.recallFailed(recall)
                pauseDatabase(error, now: now)
            }
        case .waitingRead(let read, let result):
            databaseTasks -= 1
            switch result {
            case .success(let rows): lane.waitingRead(read, rows: rows, now: now)
            case .failure(let error):
                lane.waitingReadFailed(read, now: now)
                pauseDatabase(error, now: now)
            }
        case .handled(let job, let result):
            handlers[job] = nil
            lane.handled(job, result, now: now)
        case .settled(let result):
            databaseTasks -= 1
            settlementEnded(result, &lane, now: now)
        case .marked(let failed):
            databaseTasks -= 1
            lane.marked(failed: failed, now: now)
            if !failed.isEmpty { databasePauseUntil = now + LaneRunner.databasePause }
        case .sent(let answers):
            for (seq, answer) in answers { lane.sendEnded(seq, answer, now: now) }
        case .configure(let config, let done):
            lane.configure(config)
            done()
        case .drain:
            isHandingOver = false
            lane.isDraining = true
            if drainBy == nil { drainBy = now + drainDeadline }
        }
    }

    private mutating func claimEnded(
        _ result: Result<LaneTaken, StoreError>,
        _ lane: inout Lane,
        now: ContinuousClock.Instant
    ) {
        switch result {
        case .success(let taken):
            claim = taken.claim
            lane.claimed(
                taken.claim, unsent: taken.unsent, waiting: taken.waiting, predecessor: taken.predecessor,
                asOf: taken.startedAt, now: now)
            runner.logger.info(
                "lane claimed",
                metadata: [
                    "term": "\(taken.claim.term)", "unsent": "\(taken.unsent.count)",
                    "waiting": "\(lane.parkedRows)",
                ]
            )
        case .failure(let error):
            lane.claimFailed()
            if error.code == .sealed {
                runner.logger.info("\(error)")
                isRefused = true
            } else {
                pauseDatabase(error, now: now)
            }
        }
    }

    private mutating func settlementEnded(
        _ result: Result<Void, StoreError>,
        _ lane: inout Lane,
        now: ContinuousClock.Instant
    ) {
        switch result {
        case .success:
            lane.settled(now: now)
        case .failure(let error):
            switch error.code {
            case .fenced:
                leave()
            case .duplicateUpdates:
                lane.settlementFailed(.duplicates, now: now)
                // Should the same come again and again, the database is not asked without a breath in between.
                databasePauseUntil = now + LaneRunner.duplicatePause
            case _ where error.blamesContent:
                runner.logger.error("a settlement was refused: \(error)")
                lane.settlementFailed(.poison("\(error)"), now: now)
                databasePauseUntil = now + LaneRunner.duplicatePause
            default:
                lane.settlementFailed(.unavailable, now: now)
                pauseDatabase(error, now: now)
            }
        }
    }

    mutating func leave() {
        isFenced = true
        runner.logger.warning("another worker owns the lane now; leaving it")
    }

    mutating func pauseDatabase(_ error: StoreError, now: ContinuousClock.Instant) {
        runner.logger.warning("database: \(error)", metadata: ["retry_in": "\(LaneRunner.databasePause)"])
        databasePauseUntil = now + LaneRunner.databasePause
    }

    // MARK: What comes next

    mutating func drive(_ lane: inout Lane) async {
        var now = ContinuousClock.now
        if databasePauseUntil.map({ now >= $0 }) ?? true {
            databasePauseUntil = nil
            startClaim(&lane)
            startRecall(&lane, now: now)
            startReread(&lane, now: now)
            startRenewal(&lane, now: now)
            startWaitingRead(&lane, now: now)
        }
        _ = lane.expire(now: now)
        lane.parkSlow(now: now)
        // Those that ran out of time, and those that a reset has forgotten: their results count no more.
        for (job, task) in handlers where lane.jobs[job] == nil {
            task.cancel()
            handlers[job] = nil
        }
        while !isFenced, let job = lane.takeJob(now: now) { run(job, &lane) }
        now = .now
        lane.parkCrowded(now: now)
        if databasePauseUntil == nil {
            startSettlement(&lane, now: now)
            startMarking(&lane)
            startSealing(&lane, now: now)
        }
        // The lease may still last; but who knows of a successor begins nothing.
        if !isFenced { startSends(&lane, now: now) }
        if let acks = lane.takeAcks(), !isLost {
            do throws(BrokerError) {
                try await subscription.channel.ack(AckSet(upTo: acks.upTo, also: acks.also))
            } catch {
                isLost = true
            }
        }
        setAlarm(lane, now: now)
    }

    private mutating func startClaim(_ lane: inout Lane) {
        guard !isFenced, !isLost, !isRefused, lane.takeClaim() else { return }
        databaseTasks += 1
        let runner = runner
        let knownBefore = lane.rowID != nil
        Task { runner.mailbox.post(.claimed(await runner.takeLane(knownBefore: knownBefore))) }
    }

    private mutating func startRecall(_ lane: inout Lane, now: ContinuousClock.Instant) {
        guard let recall = lane.takeRecall() else { return }
        if recall.updates.isEmpty && recall.conversations.isEmpty {
            return lane.recalled(recall, inbox: [:], sessions: [:], now: now)
        }
        guard let claim else { return lane.recallFailed(recall) }
        databaseTasks += 1
        let runner = runner
        let anythingWaits = !lane.parked.isEmpty
        Task {
            let result = await runner.recall(recall, claim, anythingWaits: anythingWaits)
            runner.mailbox.post(.recalled(recall, result))
        }
    }

    private mutating func startWaitingRead(_ lane: inout Lane, now: ContinuousClock.Instant) {
        guard !isFenced, let claim, let read = lane.takeWaitingRead(now: now) else { return }
        databaseTasks += 1
        let runner = runner
        Task { runner.mailbox.post(.waitingRead(read, await runner.readWaiting(read, claim))) }
    }

    private mutating func startReread(_ lane: inout Lane, now: ContinuousClock.Instant) {
        guard let claim, let chats = lane.takeReread(now: now) else { return }
        databaseTasks += 1
        let runner = runner
        Task { runner.mailbox.post(.reread(await runner.readUnsent(claim, of: chats))) }
    }

    private mutating func startRenewal(_ lane: inout Lane, now: ContinuousClock.Instant) {
        guard !isFenced, let claim, lane.takeRenewal(now: now) else { return }
        databaseTasks += 1
        let runner = runner
        Task { runner.mailbox.post(.renewed(asOf: now, await runner.renew(claim))) }
    }

    private mutating func startSettlement(_ lane: inout Lane, now: ContinuousClock.Instant) {
        guard !isFenced, let claim,
            let settlement = lane.takeSettlement(now: now, moreComes: !runner.mailbox.isEmpty)
        else { return }
        databaseTasks += 1
        let runner = runner
        Task {
            let result: Result<Void, StoreError>
            do throws(StoreError) {
                try await runner.database.settle(settlement, lane: claim)
                result = .success(())
            } catch {
                result = .failure(error)
            }
            runner.mailbox.post(.settled(result))
        }
    }

    private mutating func startMarking(_ lane: inout Lane) {
        guard let marks = lane.takeOrphanMarks() else { return }
        databaseTasks += 1
        let runner = runner
        Task { runner.mailbox.post(.marked(failed: await runner.mark(marks.seqs, lane: marks.lane))) }
    }

    private func startSends(_ lane: inout Lane, now: ContinuousClock.Instant) {
        let rows = lane.takeSends(now: now)
        guard !rows.isEmpty, let claim else { return }
        let timeout = lane.config.milliseconds("send.timeout_ms")
        if !lane.sends.surfaces { return runner.send(rows, timeout: timeout) }
        let runner = runner
        Task { await runner.begin(rows, claim, timeout: timeout) }
    }

    /// Runs a handler. Most return without ever waiting, and then cost neither a task switch nor a mailbox.
    private mutating func run(_ job: HandlerJob, _ lane: inout Lane) {
        let runner = runner
        let done = Handoff()
        let work: @Sendable () async -> Void = {
            let result = await runner.handle(job)
            if !done.finish(result) { runner.mailbox.post(.handled(job.id, result)) }
        }
        #if compiler(>=6.2)
        let task = Task.immediate { await work() }
        #else
        let task = Task { await work() }
        #endif
        if let result = done.detach() {
            lane.handled(job.id, result, now: .now)
        } else {
            handlers[job.id] = task
        }
    }

    /// Wakes the mailbox when time alone makes something due.
    private mutating func setAlarm(_ lane: Lane, now: ContinuousClock.Instant) {
        // What the database is needed for waits until its pause is over.
        let next = lane.nextWake(now: now).map { max($0, databasePauseUntil ?? $0) }
        guard let at = [next, databasePauseUntil, drainBy].compactMap({ $0 }).min() else { return }
        if let alarm, alarm.at <= at, alarm.at > now { return }
        alarm?.task.cancel()
        let mailbox = runner.mailbox
        let task = Task {
            try? await Task.sleep(until: at, tolerance: .zero, clock: .continuous)
            if !Task.isCancelled { mailbox.wake() }
        }
        alarm = (at, task)
    }

    // MARK: The end

    func isOver(_ lane: Lane, cancelled: Bool) -> Bool {
        if isLost || isFenced || isRefused || lane.isBroken || lane.isSealed || cancelled { return true }
        guard let drainBy else { return false }
        return lane.isDrained || ContinuousClock.now >= drainBy
    }

    /// Why it is over.
    func serveEnd(_ lane: Lane) -> LaneRunner.ServeEnd {
        if isRefused || lane.isSealed { return .over }
        return isHandingOver ? .handedOver : .lost
    }

    mutating func end() {
        alarm?.task.cancel()
        for task in handlers.values { task.cancel() }
        handlers = [:]
    }

    /// Waits for the database calls under way. Each has a deadline of its own.
    mutating func quiesce(_ lane: inout Lane) async {
        while databaseTasks > 0 {
            for event in await runner.mailbox.next() {
                take(event, &lane, now: .now)
            }
        }
    }
}

extension StoreError {
    /// The content of the settlement itself is refused, for good: data exceptions, integrity rules, program limits
    /// (PostgreSQL, appendix A, classes 22, 23 and 54).
    fileprivate var blamesContent: Bool {
        switch code {
        case .constraint: true
        case .server(let state): ["22", "23", "54"].contains(state.prefix(2))
        default: false
        }
    }
}
