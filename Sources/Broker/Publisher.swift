/// Publishes on a channel in confirm mode, with at most `window` publications unconfirmed. Concurrent callers are fine:
/// they share the window in the order they came.
public final class Publisher: Sendable {
    public let channel: BrokerChannel
    let core: PublisherCore

    init(channel: BrokerChannel, core: PublisherCore) {
        self.channel = channel
        self.core = core
    }

    /// Opens a channel of its own on `connection`. Keep publishers and consumers on separate connections: a broker under
    /// a memory alarm stops reading from those that publish.
    public static func open(on connection: BrokerConnection, window: Int = 1000) async throws(BrokerError) -> Publisher
    {
        let channel = try await connection.openChannel()
        let core = try await channel.core.enterConfirmMode(window: window)
        return Publisher(channel: channel, core: core)
    }

    public var isOpen: Bool { channel.isOpen }

    /// Publishes and waits until each publication is settled: one outcome each, in the same order. Waits for room in the
    /// window, for an unblocked broker and for confirms, all together at most `confirmTimeout`. Cancellation does not cut
    /// it short, because a publication that is out cannot be called back.
    /// - Throws: only when nothing of the batch was sent: the channel's error, `.blocked`, `.timeout` (no room), or
    ///   `.misuse` (exchange, routing key or another short text over 255 bytes). If part of it was sent, the rest is `.unsent`.
    public func publish(_ batch: [Publication]) async throws(BrokerError) -> [PublishOutcome] {
        guard !batch.isEmpty else { return [] }
        return try await core.publish(batch)
    }

    /// Publishes one; see ``publish(_:)-swift.method``.
    public func publish(_ publication: Publication) async throws(BrokerError) -> PublishOutcome {
        try await publish([publication]).first ?? .unknown
    }

    /// Closes its channel. What is unconfirmed becomes `.unknown`.
    public func close() async {
        await channel.close()
    }
}
