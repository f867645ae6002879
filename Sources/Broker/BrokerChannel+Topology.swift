/// A queue as the broker described it.
public struct QueueStatus: Sendable, Equatable {
    public let name: String
    /// Ready messages: neither delivered nor acknowledged. Quorum queues tell it with a short delay.
    public let messages: Int
    public let consumers: Int

    public init(name: String, messages: Int, consumers: Int) {
        self.name = name
        self.messages = messages
        self.consumers = consumers
    }
}

public enum ExchangeType: String, Sendable {
    case direct, fanout, topic, headers
}

extension BrokerChannel {
    /// Declares a queue; the same again has no effect.
    /// - Parameter name: empty: the broker makes one up, see ``QueueStatus/name``.
    /// - Throws: `.preconditionFailed` if it exists with other properties, `.locked` if it is exclusive to somebody else.
    @discardableResult
    public func declareQueue(
        _ name: String,
        durable: Bool = true,
        exclusive: Bool = false,
        autoDelete: Bool = false,
        arguments: [String: AMQPValue] = [:]
    ) async throws(BrokerError) -> QueueStatus {
        try await core.declareQueue(
            name,
            flags: .init(passive: false, durable: durable, exclusive: exclusive, autoDelete: autoDelete),
            arguments: arguments
        )
    }

    /// Declares a durable queue for work; see ``QueueArguments``.
    @discardableResult
    public func declareQueue(_ name: String, _ arguments: QueueArguments) async throws(BrokerError) -> QueueStatus {
        try await declareQueue(name, durable: true, arguments: arguments.table)
    }

    /// Asks without creating.
    /// - Throws: `.notFound`, which closes the channel.
    public func queueStatus(_ name: String) async throws(BrokerError) -> QueueStatus {
        try await core.declareQueue(name, flags: .init(passive: true), arguments: [:])
    }

    /// Deletes a queue and returns how many messages were in it. A missing queue is no error.
    @discardableResult
    public func deleteQueue(_ name: String, ifUnused: Bool = false, ifEmpty: Bool = false) async throws(BrokerError)
        -> Int
    {
        try await core.deleteQueue(name, ifUnused: ifUnused, ifEmpty: ifEmpty)
    }

    /// Drops the ready messages and returns how many they were.
    @discardableResult
    public func purgeQueue(_ name: String) async throws(BrokerError) -> Int {
        try await core.purgeQueue(name)
    }

    public func declareExchange(
        _ name: String,
        type: ExchangeType,
        durable: Bool = true,
        arguments: [String: AMQPValue] = [:]
    ) async throws(BrokerError) {
        try await core.declareExchange(name, type: type.rawValue, durable: durable, arguments: arguments)
    }

    /// A missing exchange is no error.
    public func deleteExchange(_ name: String) async throws(BrokerError) {
        try await core.deleteExchange(name)
    }

    public func bindQueue(
        _ queue: String,
        to exchange: String,
        routingKey: String = "",
        arguments: [String: AMQPValue] = [:]
    ) async throws(BrokerError) {
        try await core.bindQueue(queue, exchange: exchange, routingKey: routingKey, arguments: arguments)
    }

    public func unbindQueue(
        _ queue: String,
        from exchange: String,
        routingKey: String = "",
        arguments: [String: AMQPValue] = [:]
    ) async throws(BrokerError) {
        try await core.unbindQueue(queue, exchange: exchange, routingKey: routingKey, arguments: arguments)
    }
}
