import FleetModel
import Synchronization

/// The counters of all lanes of a worker, and which of them it owns, for its heartbeats.
final class CounterBoard: Sendable {
    private struct State {
        var lanes: [LaneKey: Heartbeat.Counters] = [:]
        var owned: Set<LaneKey> = []
        /// Totals of lanes that this worker has left.
        var past = Heartbeat.Counters()
    }
    private let state = Mutex(State())

    func update(_ lane: LaneKey, _ counters: Heartbeat.Counters, isOwned: Bool) {
        state.withLock { state in
            state.lanes[lane] = counters
            if isOwned { state.owned.insert(lane) } else { state.owned.remove(lane) }
        }
    }

    /// The lane is served here no longer.
    func remove(_ lane: LaneKey) {
        state.withLock { state in
            state.owned.remove(lane)
            guard var counters = state.lanes.removeValue(forKey: lane) else { return }
            counters.inFlight = 0
            counters.unsent = 0
            counters.waiting = 0
            state.past.add(counters)
        }
    }

    func total() -> Heartbeat.Counters {
        state.withLock { state in
            var total = state.past
            for lane in state.lanes.values { total.add(lane) }
            return total
        }
    }

    /// The lanes this worker has claimed and not lost, as far as it knows; in order.
    func owned() -> [LaneKey] {
        state.withLock { state in
            state.owned.sorted { ($0.bot, $0.epoch, $0.number) < ($1.bot, $1.epoch, $1.number) }
        }
    }
}

extension Heartbeat.Counters {
    fileprivate mutating func add(_ other: Self) {
        received += other.received
        settled += other.settled
        duplicates += other.duplicates
        failedAttempts += other.failedAttempts
        deadLettered += other.deadLettered
        expired += other.expired
        waiting += other.waiting
        sent += other.sent
        sendErrors += other.sendErrors
        refused += other.refused
        ambiguous += other.ambiguous
        blocked += other.blocked
        rateLimited += other.rateLimited
        batches += other.batches
        inFlight += other.inFlight
        unsent += other.unsent
    }
}
