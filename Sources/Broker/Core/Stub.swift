import Logging

// Placeholder until the connection itself lands.
struct FrameWriter: Sendable {
    mutating func acks(_ tags: AckSet, channel: UInt16) {}
    mutating func reject(_ tag: UInt64, requeue: Bool, channel: UInt16) {}
}
final class SharedStatus: Sendable {
    var isOpen: Bool { false }
    var isBlocked: Bool { false }
    var serverVersion: String { "" }
    func waitUntilClosed() async -> BrokerError? { .closedByUs }
    func waitUntilFreed() async -> BrokerError? { .closedByUs }
}
final class ConnectionCore: Sendable {
    let shared = SharedStatus()
    static func open(_ configuration: BrokerConfiguration, logger: Logger) async throws(BrokerError) -> ConnectionCore {
        throw .closedByUs
    }
    func openChannel() async throws(BrokerError) -> ChannelCore { throw .closedByUs }
    func abandon() {}
    func close() {}
}
struct DeclareFlags { var passive = false, durable = false, exclusive = false, autoDelete = false }
final class ChannelCore: Sendable {
    var failure: BrokerError? { .closedByUs }
    func abandon() {}
    func close() async {}
    func write(_ body: @escaping @Sendable (inout FrameWriter, UInt16) -> Void) throws(BrokerError) {
        throw .closedByUs
    }
    func consume(_ queue: String, prefetch: Int, exclusive: Bool, arguments: [String: AMQPValue])
        async throws(BrokerError)
        -> DeliveryQueue
    { throw .closedByUs }
    func get(_ queue: String) async throws(BrokerError) -> Delivery? { throw .closedByUs }
    func declareQueue(_ name: String, flags: DeclareFlags, arguments: [String: AMQPValue]) async throws(BrokerError)
        -> QueueStatus
    { throw .closedByUs }
    func deleteQueue(_ name: String, ifUnused: Bool, ifEmpty: Bool) async throws(BrokerError) -> Int {
        throw .closedByUs
    }
    func purgeQueue(_ name: String) async throws(BrokerError) -> Int { throw .closedByUs }
    func declareExchange(_ name: String, type: String, durable: Bool, arguments: [String: AMQPValue])
        async throws(BrokerError)
    { throw .closedByUs }
    func deleteExchange(_ name: String) async throws(BrokerError) { throw .closedByUs }
    func bindQueue(_ queue: String, exchange: String, routingKey: String, arguments: [String: AMQPValue])
        async throws(BrokerError)
    { throw .closedByUs }
    func unbindQueue(_ queue: String, exchange: String, routingKey: String, arguments: [String: AMQPValue])
        async throws(BrokerError)
    { throw .closedByUs }
    func enterConfirmMode(window: Int) async throws(BrokerError) -> PublisherCore { throw .closedByUs }
}
final class PublisherCore: Sendable {
    func publish(_ batch: [Publication]) async throws(BrokerError) -> [PublishOutcome] { throw .closedByUs }
}
