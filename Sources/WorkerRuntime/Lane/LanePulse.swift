import Broker
import Synchronization

/// What the watch over a subscription sees of it.
final class LanePulse: Sendable {
    private let arrived = Atomic<Int>(0)
    private let open = Atomic<Int>(0)

    func arrived(_ count: Int) { arrived.add(count, ordering: .relaxed) }
    func open(_ count: Int) { open.store(count, ordering: .relaxed) }

    /// How often the broker is asked.
    static let interval: Duration = .seconds(15)

    /// Returns when the subscription has stalled; throws when it ended in another way.
    func watch(_ channel: BrokerChannel, queue: String) async throws {
        var detector = StallDetector()
        while true {
            try await Task.sleep(for: Self.interval)
            let status = try await channel.queueStatus(queue)
            let isStalled = detector.isStalled(
                arrived: arrived.load(ordering: .relaxed), open: open.load(ordering: .relaxed), ready: status.messages,
                consumers: status.consumers)
            if isStalled { return }
        }
    }
}
