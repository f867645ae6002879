public import Broker
import FleetModel

/// Declares what control messages need in RabbitMQ. Every process that uses it declares it: the same again has no effect.
public enum ControlTopology {
    /// The three durable fanout exchanges, and the direct one the broker dead-letters to.
    public static func declareExchanges(on channel: BrokerChannel) async throws(BrokerError) {
        try await channel.declareExchange(FleetTopology.configExchange, type: .fanout)
        try await channel.declareExchange(FleetTopology.commandExchange, type: .fanout)
        try await channel.declareExchange(FleetTopology.heartbeatExchange, type: .fanout)
        try await channel.declareExchange(FleetTopology.deadLetterExchange, type: .direct)
    }

    /// Messages that wait in an exclusive control queue; the oldest go first when its owner is too slow.
    public static let queueBound: Int64 = 100_000

    static let queueArguments: [String: AMQPValue] = [
        "x-max-length": .int(queueBound), "x-overflow": "drop-head",
        // A control message this old says nothing any more. Milliseconds.
        "x-message-ttl": .int(60_000),
    ]
}
