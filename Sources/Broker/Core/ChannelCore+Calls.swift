extension ConnectionCore {
    func openChannel(_ done: @escaping @Sendable (Result<ChannelCore, BrokerError>) -> Void) {
        guard phase == .open else {
            done(.failure(shared.failure ?? .closedByUs))
            return
        }
        guard let id = ids.take() else {
            done(
                .failure(BrokerError(.misuse, "all channels of the connection are in use; close some or connect again"))
            )
            return
        }
        let channel = ChannelCore(id: id, connection: self)
        channels[id] = channel
        channel.start(Method.channelOpen, expecting: Method.channelOpenOk, { $0.put(short: "") }) {
            done($0.map { _ in channel })
        }
    }
}

struct DeclareFlags: Sendable {
    var passive = false
    var durable = false
    var exclusive = false
    var autoDelete = false

    /// Bits in the order of the method's arguments; `no-wait` is never set.
    var bits: UInt8 {
        (passive ? 1 : 0) | (durable ? 2 : 0) | (exclusive ? 4 : 0) | (autoDelete ? 8 : 0)
    }
}

// The methods that have an answer. Arguments: https://www.rabbitmq.com/amqp-0-9-1-reference
extension ChannelCore {
    private func check(_ texts: String?..., table: [String: AMQPValue] = [:]) throws(BrokerError) {
        for text in texts { try WireRules.check(short: text) }
        // 4096 is the least a broker may agree on; no declaration comes near.
        try WireRules.check(table, frameMax: 4096)
    }

    func declareQueue(
        _ name: String,
        flags: DeclareFlags,
        arguments: [String: AMQPValue]
    ) async throws(BrokerError) -> QueueStatus {
        try check(name, table: arguments)
        let reply = try await call(Method.queueDeclare, expecting: Method.queueDeclareOk) {
            $0.put(UInt16(0))
            $0.put(short: name)
            $0.put(flags.bits)
            $0.put(table: arguments)
        }
        guard case .queue(let status) = reply else { throw .outOfOrder("another answer to a declaration") }
        return status
    }

    func deleteQueue(_ name: String, ifUnused: Bool, ifEmpty: Bool) async throws(BrokerError) -> Int {
        try check(name)
        let reply = try await call(Method.queueDelete, expecting: Method.queueDeleteOk) {
            $0.put(UInt16(0))
            $0.put(short: name)
            $0.put(UInt8((ifUnused ? 1 : 0) | (ifEmpty ? 2 : 0)))
        }
        guard case .count(let count) = reply else { throw .outOfOrder("another answer to a deletion") }
        return count
    }

    func purgeQueue(_ name: String) async throws(BrokerError) -> Int {
        try check(name)
        let reply = try await call(Method.queuePurge, expecting: Method.queuePurgeOk) {
            $0.put(UInt16(0))
            $0.put(short: name)
            $0.put(UInt8(0))
        }
        guard case .count(let count) = reply else { throw .outOfOrder("another answer to a purge") }
        return count
    }

    func declareExchange(
        _ name: String,
        type: String,
        durable: Bool,
        arguments: [String: AMQPValue]
    ) async throws(BrokerError) {
        try check(name, table: arguments)
        _ = try await call(Method.exchangeDeclare, expecting: Method.exchangeDeclareOk) {
            $0.put(UInt16(0))
            $0.put(short: name)
            $0.put(short: type)
            $0.put(UInt8(durable ? 2 : 0))
            $0.put(table: arguments)
        }
    }

    func deleteExchange(_ name: String) async throws(BrokerError) {
        try check(name)
        _ = try await call(Method.exchangeDelete, expecting: Method.exchangeDeleteOk) {
            $0.put(UInt16(0))
            $0.put(short: name)
            $0.put(UInt8(0))
        }
    }

    func bindQueue(
        _ queue: String,
        exchange: String,
        routingKey: String,
        arguments: [String: AMQPValue]
    ) async throws(BrokerError) {
        try check(queue, exchange, routingKey, table: arguments)
        _ = try await call(Method.queueBind, expecting: Method.queueBindOk) {
            $0.put(UInt16(0))
            $0.put(short: queue)
            $0.put(short: exchange)
            $0.put(short: routingKey)
            $0.put(UInt8(0))
            $0.put(table: arguments)
        }
    }

    func unbindQueue(
        _ queue: String,
        exchange: String,
        routingKey: String,
        arguments: [String: AMQPValue]
    ) async throws(BrokerError) {
        try check(queue, exchange, routingKey, table: arguments)
        _ = try await call(Method.queueUnbind, expecting: Method.queueUnbindOk) {
            $0.put(UInt16(0))
            $0.put(short: queue)
            $0.put(short: exchange)
            $0.put(short: routingKey)
            $0.put(table: arguments)
        }
    }

    func get(_ queue: String) async throws(BrokerError) -> Delivery? {
        try check(queue)
        let reply = try await call(Method.basicGet, expecting: Method.basicGetOk) {
            $0.put(UInt16(0))
            $0.put(short: queue)
            $0.put(UInt8(0))
        }
        guard case .message(let delivery) = reply else { throw .outOfOrder("another answer to a get") }
        return delivery
    }

    /// `basic.qos` and `basic.consume` in one burst.
    func consume(
        _ queue: String,
        prefetch: Int,
        exclusive: Bool,
        arguments: [String: AMQPValue]
    ) async throws(BrokerError) -> DeliveryQueue {
        try check(queue, table: arguments)
        guard let limit = UInt16(exactly: prefetch), limit > 0 else {
            throw BrokerError(.misuse, "prefetch must be 1 to 65535, not \(prefetch)")
        }
        let deliveries = DeliveryQueue()
        let _: Reply = try await connection.request { [self] _, done in
            // The first deliveries may come right behind the answer.
            let tag = Self.consumerTag(consumers.count)
            consumers.append(Consumer(queue: deliveries))
            let qos: (inout FrameWriter) -> Void = {
                $0.put(UInt32(0))
                $0.put(limit)
                $0.put(UInt8(0))
            }
            // If this one fails, the channel is gone and the next one fails as well.
            start(Method.basicQos, expecting: Method.basicQosOk, qos) { _ in }
            let consume: (inout FrameWriter) -> Void = {
                $0.put(UInt16(0))
                $0.put(short: queue)
                $0.put(short: tag)
                $0.put(UInt8(exclusive ? 4 : 0))
                $0.put(table: arguments)
            }
            start(Method.basicConsume, expecting: Method.basicConsumeOk, consume, done)
        }
        return deliveries
    }

    func enterConfirmMode(window: Int) async throws(BrokerError) -> PublisherCore {
        try await connection.request { [self] core, done in
            let publisher = PublisherCore(channel: self, window: window, frameMax: core.writer.frameMax)
            start(Method.confirmSelect, expecting: Method.confirmSelectOk, { $0.put(UInt8(0)) }) { [self] reply in
                if case .success = reply {
                    self.publisher = publisher
                    connection.publishers[id] = publisher
                }
                done(reply.map { _ in publisher })
            }
        }
    }
}
