import FleetModel
import Synchronization

/// The counters of all lanes of a worker, for its heartbeats.
final class CounterBoard: Sendable {
    private let lanes = Mutex<[LaneKey: Heartbeat.Counters]>([:])

    func update(_ lane: LaneKey, _ counters: Heartbeat.Counters) {
        lanes.withLock { $0[lane] = counters }
    }

    func total() -> Heartbeat.Counters {
        lanes.withLock { lanes in
            var total = Heartbeat.Counters()
            for lane in lanes.values {
                total.received += lane.received
                total.settled += lane.settled
                total.duplicates += lane.duplicates
                total.failedAttempts += lane.failedAttempts
                total.deadLettered += lane.deadLettered
                total.expired += lane.expired
                total.waiting += lane.waiting
                total.sent += lane.sent
                total.sendErrors += lane.sendErrors
                total.refused += lane.refused
                total.ambiguous += lane.ambiguous
                total.blocked += lane.blocked
                total.rateLimited += lane.rateLimited
                total.batches += lane.batches
                total.inFlight += lane.inFlight
                total.unsent += lane.unsent
            }
            return total
        }
    }
}
