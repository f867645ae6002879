/// The arguments of a durable queue, spelled so that RabbitMQ 3.10 to 4.x all take them.
public struct QueueArguments: Sendable, Equatable {
    public enum Kind: String, Sendable {
        case quorum, classic
    }

    public var kind: Kind
    /// One consumer at a time; another takes over when it goes.
    public var singleActiveConsumer = false
    /// Messages; more are refused at the publisher, nothing already queued is dropped.
    public var maxLength: Int?
    /// Where the broker puts what it gives up on. Quorum queues use the at-least-once strategy.
    public var deadLetterExchange: String?
    public var deadLetterRoutingKey: String?
    /// Quorum only. Never -1 (RabbitMQ 3.10 then drops everything at its first redelivery), never unset (20 on 4.x).
    public var deliveryLimit: Int

    public init(_ kind: Kind = .quorum, deliveryLimit: Int = 1_000_000) {
        self.kind = kind
        self.deliveryLimit = deliveryLimit
    }

    /// The table for ``BrokerChannel/declareQueue(_:durable:exclusive:autoDelete:arguments:)``.
    public var table: [String: AMQPValue] {
        var table: [String: AMQPValue] = ["x-queue-type": .string(kind.rawValue)]
        if singleActiveConsumer { table["x-single-active-consumer"] = true }
        if let maxLength { table["x-max-length"] = .int(Int64(maxLength)) }
        if let deadLetterExchange { table["x-dead-letter-exchange"] = .string(deadLetterExchange) }
        if let deadLetterRoutingKey { table["x-dead-letter-routing-key"] = .string(deadLetterRoutingKey) }
        // The at-least-once strategy needs reject-publish, with or without a length limit.
        table["x-overflow"] = "reject-publish"
        if kind == .quorum {
            table["x-delivery-limit"] = .int(Int64(deliveryLimit))
            if deadLetterExchange != nil { table["x-dead-letter-strategy"] = "at-least-once" }
        }
        return table
    }
}
