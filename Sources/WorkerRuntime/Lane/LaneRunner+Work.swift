import BotKit
import FleetModel
import Logging
import Store
import TelegramAPI

extension LaneRunner {
    /// Raises the term and reads what a predecessor left unsent.
    /// - Parameter knownBefore: this process has held the lane, so that it may be its own predecessor. One that has not,
    ///   and finds itself as that, has lost the answer to its first claim and does not know who was before.
    func takeLane(knownBefore: Bool) async -> Result<LaneTaken, StoreError> {
        let startedAt = ContinuousClock.now
        do throws(StoreError) {
            let claim = try await database.claimLane(key, worker: worker)
            let unsent = try await database.unsentOutbox(lane: claim, limit: Self.unsentBound)
            let waiting = try await database.waitingHeads(lane: claim)
            let predecessor = await predecessor(claim, knownBefore: knownBefore)
            return .success(
                LaneTaken(
                    claim: claim, unsent: unsent, waiting: waiting, predecessor: predecessor, startedAt: startedAt))
        } catch {
            return .failure(error)
        }
    }

    func readUnsent(_ claim: LaneClaim, of chats: [Int64]) async -> Result<[OutboxRow], StoreError> {
        do throws(StoreError) {
            return .success(
                try await database.unsentOutbox(lane: claim, limit: Self.unsentBound, conversations: chats))
        } catch {
            return .failure(error)
        }
    }

    func readWaiting(_ read: WaitingRead, _ claim: LaneClaim) async -> Result<[DueRow], StoreError> {
        do throws(StoreError) {
            return .success(
                try await database.waitingRows(lane: claim, lines: read.lines, limit: Lane.windowRows))
        } catch {
            return .failure(error)
        }
    }

    func recall(_ recall: Recall, _ claim: LaneClaim, anythingWaits: Bool) async -> Result<RecallAnswer, StoreError> {
        do throws(StoreError) {
            if anythingWaits {
                let answer = try await database.recall(
                    lane: claim, updates: recall.updates, conversations: recall.conversations)
                return .success(
                    RecallAnswer(
                        inbox: answer.settled, sessions: answer.sessions, waiting: answer.waiting,
                        blocked: answer.blocked))
            }
            let answer = try await database.recall(
                bot: spec.id, updates: recall.updates, conversations: recall.conversations)
            return .success(
                RecallAnswer(inbox: answer.settled, sessions: answer.sessions, blocked: answer.blocked))
        } catch {
            return .failure(error)
        }
    }

    func renew(_ claim: LaneClaim) async -> Result<Void, StoreError> {
        do throws(StoreError) {
            return .success(try await database.confirmLane(claim))
        } catch {
            return .failure(error)
        }
    }

    /// Unsent rows read at a claim. A lane starts no handler far below it: `send.max_unsent` is at most half of it.
    static let unsentBound = 200_000

    /// Only the end of the process is proof that it sends no more.
    private func predecessor(_ claim: LaneClaim, knownBefore: Bool) async -> Predecessor {
        guard let previous = claim.previousOwner?.incarnation else { return .none }
        if previous == worker.incarnation { return knownBefore ? .none : .mayLive }
        guard let record = try? await database.worker(previous) else { return .mayLive }
        if record.state == .stopped { return .stopped }
        guard LocalProcess.isOnThisMachine(record.heartbeat?.machine) else { return .mayLive }
        let isDead = LocalProcess.isKnownDead(
            pid: record.pid, machine: record.heartbeat?.machine, startTicks: record.heartbeat?.startTicks)
        return isDead ? .dead : .alive
    }

    /// Returns what could not be marked.
    func mark(_ seqs: [Int64], lane: Int64) async -> [Int64] {
        do throws(StoreError) {
            try await database.markSent(lane: lane, seqs: seqs)
            return []
        } catch {
            logger.warning("sent messages not marked yet: \(error)")
            return seqs
        }
    }

    func handle(_ job: HandlerJob) async -> HandlerResult {
        job.isSuspect ? await trials.run(job, of: spec) : await job.run(behaviour, bot: spec.id)
    }

    /// Starts the calls; each is answered in a ``LaneEvent/sent(_:)``.
    func send(_ rows: [OutboxRow], timeout: Duration, isRepeatable: Bool = true) {
        telegram.submit(
            rows.map {
                TelegramCall(
                    tag: Int($0.seq), method: $0.method, body: $0.body, deadline: timeout, isRepeatable: isRepeatable)
            }
        )
    }

    /// Notes in the database that the calls are about to be made, then makes them: whoever finds a row begun and not
    /// marked knows that nobody knows.
    func begin(_ rows: [OutboxRow], _ claim: LaneClaim, timeout: Duration) async {
        let startedAt = ContinuousClock.now
        do throws(StoreError) {
            try await database.beginSends(claim, seqs: rows.map(\.seq))
        } catch {
            logger.warning("calls not begun: \(error)")
            return notBegun(rows)
        }
        // The fence was asked, so the lane was this owner's then; it may have waited for long since.
        guard ContinuousClock.now < startedAt + Lane.sendLease else { return notBegun(rows) }
        send(rows, timeout: timeout, isRepeatable: false)
    }

    private func notBegun(_ rows: [OutboxRow]) {
        mailbox.post(.sent(rows.map { (seq: $0.seq, answer: .notBegun) }))
    }

    /// Carries Telegram's answers to the lane until the exchange is closed.
    func collectAnswers() async {
        while case let completions = await telegram.next(), !completions.isEmpty {
            for completion in completions {
                guard case .failure(let error) = completion.result else { continue }
                logger.info("not sent: \(error)")
            }
            mailbox.post(
                .sent(completions.map { (seq: Int64($0.tag), answer: SendQueue.Answer($0.result)) })
            )
        }
    }
}

extension HandlerJob {
    func run(_ behaviour: any Behaviour, bot: BotID) async -> HandlerResult {
        var context = Context(bot: bot, config: config, session: session, update: update)
        do {
            try await behaviour.handle(update, &context)
        } catch let error as GiveUp {
            return .gaveUp(error.reason)
        } catch {
            return .failed("\(error)")
        }
        return .effects(
            Effects(
                sessionChanged: context.sessionChanged,
                session: context.session,
                calls: context.calls,
                events: context.events
            )
        )
    }
}
