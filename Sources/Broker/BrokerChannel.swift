/// A channel: its own order, its own unacknowledged deliveries, its own errors.
///
/// An error of the broker (404, 406, …) closes the channel and leaves the connection alone. The call that waits for an
/// answer gets that error, and so does every later call. An answer that misses `rpcTimeout` closes the channel as well,
/// because nobody knows any more what the broker did.
public final class BrokerChannel: Sendable {
    public let connection: BrokerConnection
    let core: ChannelCore

    init(connection: BrokerConnection, core: ChannelCore) {
        self.connection = connection
        self.core = core
    }

    deinit { core.abandon() }

    public var isOpen: Bool { core.failure == nil }

    /// Starts a consumer. Deliveries wait in ``Deliveries``, at most `prefetch` of them unacknowledged.
    /// - Parameter prefetch: 1 to 65535.
    public func consume(
        _ queue: String,
        prefetch: Int,
        exclusive: Bool = false,
        arguments: [String: AMQPValue] = [:]
    ) async throws(BrokerError) -> Deliveries {
        let buffer = try await core.consume(queue, prefetch: prefetch, exclusive: exclusive, arguments: arguments)
        return Deliveries(channel: self, buffer: buffer)
    }

    /// Acknowledges. Returns when the acks are handed to the connection's thread, which sends all that wait there in one
    /// go; AMQP has no answer to an ack. Tags that are acknowledged already are left out; one that was never delivered closes the channel (406) a little later.
    public func ack(_ tags: AckSet) async throws(BrokerError) {
        guard !tags.isEmpty else { return }
        try core.ack(tags)
    }

    /// Turns one delivery down: dead-lettered or dropped, or put back into the queue. Mind that putting back loses the
    /// queue's order.
    public func reject(_ tag: UInt64, requeue: Bool = false) async throws(BrokerError) {
        try core.reject(tag, requeue: requeue)
    }

    /// Fetches one message (`basic.get`), nil if the queue is empty. Acknowledge it like a delivery.
    public func get(_ queue: String) async throws(BrokerError) -> Delivery? {
        try await core.get(queue)
    }

    /// Closes without `basic.cancel`: all unacknowledged deliveries go back in their order. Idempotent; bounded by
    /// `rpcTimeout`.
    public func close() async {
        await core.close()
    }
}
