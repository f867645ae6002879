public import Broker
public import FleetModel
public import Logging

/// Receives every worker's heartbeats, in batches, on a queue of its own.
public struct HeartbeatCollector: Sendable {
    private let consumer: ExclusiveConsumer

    public init(incoming: BrokerLink, incarnation: Incarnation, logger: Logger) {
        consumer = ExclusiveConsumer(
            link: incoming,
            queue: FleetTopology.heartbeatQueue(of: incarnation),
            exchanges: [FleetTopology.heartbeatExchange],
            logger: logger
        )
    }

    /// Runs until the task is cancelled.
    public func run(_ handle: @Sendable ([Heartbeat]) async -> Void) async {
        await consumer.run(isReady: { _ in }) { batch in
            let coding = ControlCoding()
            // What is no heartbeat is passed over: anybody can publish to the exchange.
            await handle(batch.compactMap { coding.decode(Heartbeat.self, from: $0.body) })
        }
    }
}
