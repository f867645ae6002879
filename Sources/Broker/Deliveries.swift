/// The deliveries of one consumer, pulled. What nobody has pulled yet waits here; `prefetch` bounds it. The consumer ends with
/// its channel.
public final class Deliveries: Sendable {
    /// Acknowledge on this channel.
    public let channel: BrokerChannel
    let buffer: DeliveryQueue

    init(channel: BrokerChannel, buffer: DeliveryQueue) {
        self.channel = channel
        self.buffer = buffer
    }

    /// Waits for at least one delivery and hands over all that are here, at most `max`, in the queue's order. What is
    /// buffered is handed over without a hop to the connection's thread. One caller at a time.
    /// - Throws: the channel's or connection's error when either ends, `.consumerCancelled` when the broker cancels the
    ///   consumer (what was buffered is dropped then: the broker delivers it again), `.cancelled` when the task is
    ///   cancelled (nothing is lost), `.misuse` for a second caller.
    public func next(max: Int) async throws(BrokerError) -> [Delivery] {
        try await buffer.next(max: max)
    }

    /// How many wait to be pulled.
    public var buffered: Int { buffer.count }
}
