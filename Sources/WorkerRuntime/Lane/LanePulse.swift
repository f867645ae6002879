import Broker
import Synchronization

/// What the watch over a subscription sees of it.
final class LanePulse: Sendable {
    private let arrived = Atomic<Int>(0)
    private let open = Atomic<Int>(0)

    func arrived(_ count: Int) { arrived.add(count, ordering: .relaxed) }
    func open(_ count: Int) { open.store(count, ordering: .relaxed) }

    /// How often the broker is asked whether it has something that does not come.
    static let interval: Duration = .seconds(15)

    /// Why a subscription should end.
    enum Finding {
        /// It is alive but no longer delivers.
        case stalled
        /// The lane is somebody else's, who is there.
        case handOver
    }

    /// Returns when there is a reason to end the subscription; throws when it ended in another way.
    func watch(_ channel: BrokerChannel, place: LanePlace, handOver: HandOver) async throws -> Finding {
        await place.wake()
        var detector = StallDetector()
        var waited = Duration.zero
        while true {
            let pause = place.role.duty == .standby ? HandOver.interval : Self.interval
            try await Task.sleep(for: pause)
            waited += pause
            let arrived = arrived.load(ordering: .relaxed)
            // A standby that got nothing has nothing to hand over.
            if arrived > 0, await place.isDue(handOver) { return .handOver }
            if waited < Self.interval { continue }
            waited = .zero
            // An owner may have died with an empty queue: then nothing says that the standby is active now.
            if arrived == 0, place.role.duty == .standby { await place.wake() }
            let status = try await channel.queueStatus(place.queue)
            // Of a quorum queue the broker counts the active consumer alone.
            let others = place.role.duty == .standby ? 1 : 0
            let isStalled = detector.isStalled(
                arrived: arrived, open: open.load(ordering: .relaxed), ready: status.messages,
                consumers: status.consumers + others)
            if isStalled { return .stalled }
        }
    }
}
