import Logging

/// One connection to RabbitMQ, on a thread of its own that does all its reading and writing.
///
/// It lives until ``close()``, until the broker or the network ends it, or until nobody holds it any more; channels,
/// deliveries and publishers hold it. It does not come back by itself: ``BrokerLink`` makes new ones.
public final class BrokerConnection: Sendable {
    let core: ConnectionCore

    init(core: ConnectionCore) { self.core = core }

    deinit { core.abandon() }

    /// Connects and logs in within `connectTimeout`.
    /// - Throws: `.unreachable`, `.tls`, `.refused`, `.timeout`, `.protocolViolation`.
    public static func open(
        _ configuration: BrokerConfiguration,
        logger: Logger
    ) async throws(BrokerError) -> BrokerConnection {
        BrokerConnection(core: try await ConnectionCore.open(configuration, logger: logger))
    }

    /// Opens a channel. Channels are cheap; an error on one leaves the others alone.
    public func openChannel() async throws(BrokerError) -> BrokerChannel {
        let core = try await core.openChannel()
        return BrokerChannel(connection: self, core: core)
    }

    public var isOpen: Bool { core.shared.isOpen }

    /// The broker holds publishers back (memory or disk alarm). Consuming goes on.
    public var isBlocked: Bool { core.shared.isBlocked }

    /// The broker's version, such as `3.10.8`; empty if it does not say.
    public var serverVersion: String { core.shared.serverVersion }

    /// Waits for the end of the connection. Nil after our own ``close()``; `.cancelled` when the task is cancelled first.
    public func waitUntilClosed() async -> BrokerError? {
        await core.shared.waitUntilClosed()
    }

    /// Says goodbye to the broker and frees everything; bounded by two seconds even if the peer is dead. What was handed
    /// over before (acks, publications) is written first. Idempotent.
    public func close() async {
        core.close()
        await core.shared.waitUntilFreed()
    }
}
