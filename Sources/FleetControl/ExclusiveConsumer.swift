import Broker
import EventLoop
import Logging

/// Consumes an exclusive queue of this process for as long as it runs: declares it on every new connection, hands over
/// batches, acknowledges them together.
struct ExclusiveConsumer: Sendable {
    let link: BrokerLink
    let queue: String
    /// Fanouts the queue is bound to.
    let exchanges: [String]
    let logger: Logger
    var prefetch = 1000

    /// Returns when the task is cancelled.
    /// - Parameters:
    ///   - isReady: called with `true` once messages arrive, with `false` when they no longer do.
    ///   - handle: a batch in the queue's order; 1 to ``prefetch`` deliveries.
    func run(
        isReady: @Sendable (Bool) async -> Void,
        handle: @Sendable ([Delivery]) async -> Void
    ) async {
        // An exclusive queue of a connection that broke stays locked until the broker notices.
        var backoff = Backoff(floor: .milliseconds(100), cap: .seconds(5))
        while !Task.isCancelled {
            do throws(BrokerError) {
                let deliveries = try await open()
                backoff.reset()
                await isReady(true)
                while true {
                    let batch = try await deliveries.next(max: prefetch)
                    await handle(batch)
                    try await deliveries.channel.ack(AckSet(upTo: batch.last?.tag))
                }
            } catch {
                await isReady(false)
                if Task.isCancelled { return }
                logger.warning("\(error)", metadata: ["queue": "\(queue)"])
                try? await Task.sleep(for: backoff.next())
            }
        }
    }

    private func open() async throws(BrokerError) -> Deliveries {
        let channel = try await link.connection().openChannel()
        try await ControlTopology.declareExchanges(on: channel)
        try await channel.declareQueue(
            queue,
            durable: false,
            exclusive: true,
            autoDelete: true,
            arguments: ControlTopology.queueArguments
        )
        for exchange in exchanges { try await channel.bindQueue(queue, to: exchange) }
        return try await channel.consume(queue, prefetch: prefetch)
    }
}
