import BotKit
import FleetModel
import Logging
import Store
import TelegramAPI

extension LaneRunner {
    /// Raises the term and reads what a predecessor left unsent.
    func takeLane() async -> Result<LaneTaken, StoreError> {
        do throws(StoreError) {
            let claim = try await database.claimLane(key, worker: worker)
            let unsent = try await database.unsentOutbox(lane: claim, limit: Self.unsentBound)
            var mayLive = false
            if !unsent.isEmpty, let previous = claim.previousOwner, previous.incarnation != worker.incarnation {
                mayLive = await predecessorMayLive(previous.incarnation)
            }
            return .success(LaneTaken(claim: claim, unsent: unsent, predecessorMayLive: mayLive))
        } catch {
            return .failure(error)
        }
    }

    /// Unsent rows read at a claim. A lane stops handling far below it (`send.max_unsent` and one settlement).
    static let unsentBound = 200_000

    /// Only the death of the process is proof that it sends no more.
    private func predecessorMayLive(_ incarnation: Incarnation) async -> Bool {
        guard let record = try? await database.worker(incarnation) else { return true }
        if record.state == .stopped { return false }
        return !LocalProcess.isKnownDead(pid: record.pid, host: record.host, startedAt: record.startedAt)
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
        var context = Context(bot: spec.id, config: job.config, session: job.session, update: job.update)
        do {
            try await behaviour.handle(job.update, &context)
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

    /// Starts the calls; each is answered in a ``LaneEvent/sent(_:)``.
    func send(_ rows: [OutboxRow], timeout: Duration) {
        telegram.submit(
            rows.map { TelegramCall(tag: Int($0.seq), method: $0.method, body: $0.body, deadline: timeout) }
        )
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
