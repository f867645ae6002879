import FleetControl
import FleetModel
import Logging
import Store

// Who serves a bot lets go of it.

extension Fleet {
    /// For workers to drain and for a gateway to give its lease back: longer than a lease lasts.
    static let stopPatience: Duration = .seconds(20)

    /// Makes the supervisor act, and the workers that others supervise. After `.stopped` it waits for their ends, until
    /// `deadline`.
    func applyDesired(_ state: BotSpec.DesiredState, of id: BotID, by deadline: ContinuousClock.Instant) async {
        await steward.refresh()
        switch state {
        case .running:
            await tell(await roster.expected { $0 == id }.map(\.worker.incarnation), .refresh)
        case .stopped:
            let draining = await drainUnsupervised(id)
            await supervisor?.stop { DesiredProcesses.bot(ofWorker: $0) == id }
            await roster.untilGone(draining, by: deadline)
        }
    }

    /// - Returns: the workers that were told to drain.
    private func drainUnsupervised(_ id: BotID) async -> Set<Incarnation> {
        let owned = await supervisor?.statuses() ?? []
        let workers = await roster.views().filter { view in
            view.health != .dead && view.heartbeat.bots.contains(id)
                && !owned.contains { $0.name == view.heartbeat.worker.name && $0.pid == view.heartbeat.pid }
        }.map(\.heartbeat)
        if workers.isEmpty { return [] }
        // When the database does not say, only a worker of this one bot is sure to have nothing else to do.
        let running = (try? await database.bots()).map { records in
            Set(records.filter { $0.spec.desired == .running }.map(\.spec.id))
        }
        let isWanted: (BotID) -> Bool = { running?.contains($0) ?? ($0 != id) }
        let busy = workers.filter { $0.bots.contains(where: isWanted) }
        for beat in busy {
            logger.warning(
                "not drained, because it serves other bots as well",
                metadata: ["worker": "\(beat.worker)", "bot": "\(id)"])
        }
        await tell(busy.map(\.worker.incarnation), .refresh)
        let idle = workers.filter { !$0.bots.contains(where: isWanted) }.map(\.worker.incarnation)
        return await tell(idle, .drain) ? Set(idle) : []
    }

    /// - Returns: whether it went out.
    @discardableResult
    func tell(_ workers: [Incarnation], _ action: ControlMessage.Action) async -> Bool {
        if workers.isEmpty { return true }
        do throws(BroadcastError) {
            try await broadcaster.send(action, to: workers)
            return true
        } catch {
            logger.warning("workers were not told to \(action): \(error)")
            return false
        }
    }

    /// Waits until no gateway polls the bot: its lease is given back or has ended. After `deadline` it is left at that.
    func untilUnpolled(_ id: BotID, by deadline: ContinuousClock.Instant) async throws(APIFailure) {
        let statement = Statement(
            "lease.live", "SELECT 1 FROM poller_lease WHERE bot_id = $1 AND expires_at > clock_timestamp()"
        ) { $0.add(id.rawValue) }
        while try await !stored({ () throws(StoreError) in try await database.query(statement, idempotent: true) })
            .isEmpty
        {
            guard ContinuousClock.now < deadline, !Task.isCancelled else {
                logger.error("a gateway still polls it and may declare its queue again", metadata: ["bot": "\(id)"])
                return
            }
            // A gateway looks every few seconds; nothing announces that it has let go.
            try? await Task.sleep(for: .milliseconds(200))
        }
    }
}
