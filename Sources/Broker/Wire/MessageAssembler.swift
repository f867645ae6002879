import CRabbitMQ

/// Puts a message together from its method, its content header and its body frames. AMQP 0-9-1 section 4.2.6: on one
/// channel nothing else comes in between.
struct MessageAssembler {
    /// What the method said.
    enum Origin {
        case delivery(consumer: Int, tag: UInt64, redelivered: Bool)
        case got(tag: UInt64, redelivered: Bool)
        case returned(code: UInt16, text: String)
        /// Of a consumer that is gone.
        case dropped
    }

    struct Message {
        let origin: Origin
        let delivery: Delivery
    }

    private enum State {
        case idle
        case header(Origin)
        case body(Origin, size: Int)
    }

    private var state = State.idle
    private var exchanges = TextCache()
    private var routingKeys = TextCache()
    private var contentTypes = TextCache()
    private var headerNames = NameCache()
    private var exchange = ""
    private var routingKey = ""
    private var contentType: String?
    private var extras: Delivery.Extras?
    private var body: [UInt8] = []

    /// A delivery, a `get-ok` or a return.
    mutating func begin(_ origin: Origin, exchange: amqp_bytes_t, routingKey: amqp_bytes_t) throws(BrokerError) {
        guard case .idle = state else { throw .outOfOrder("a new message inside another") }
        self.exchange = exchanges.text(exchange)
        self.routingKey = routingKeys.text(routingKey)
        state = .header(origin)
    }

    /// The message, if it has no body.
    mutating func header(_ frame: amqp_frame_t, maxSize: Int) throws(BrokerError) -> Message? {
        guard case .header(let origin) = state else { throw .outOfOrder("a content header without a message") }
        guard frame.payload.properties.class_id == Frame.basicClass, let decoded = frame.payload.properties.decoded
        else {
            throw .outOfOrder("a content header of another class")
        }
        let size = frame.payload.properties.body_size
        guard size <= UInt64(maxSize) else {
            throw BrokerError(
                .protocolViolation,
                "RabbitMQ announces a message of \(size) bytes; the limit is \(maxSize)"
            )
        }
        read(decoded.assumingMemoryBound(to: amqp_basic_properties_t.self))
        if size == 0 { return finish(origin, []) }
        state = .body(origin, size: Int(size))
        return nil
    }

    /// The message, if this was the last of its body.
    mutating func body(_ fragment: amqp_bytes_t) throws(BrokerError) -> Message? {
        guard case .body(let origin, let size) = state else { throw .outOfOrder("a body without a header") }
        let buffer = fragment.buffer
        guard body.count + buffer.count <= size else { throw .outOfOrder("a body longer than announced") }
        // The usual message is one frame: copied once, into its final place.
        if buffer.count == size { return finish(origin, Array(buffer)) }
        if body.isEmpty { body.reserveCapacity(size) }
        body.append(contentsOf: buffer)
        guard body.count == size else { return nil }
        let whole = body
        body = []
        return finish(origin, whole)
    }

    private mutating func read(_ properties: UnsafePointer<amqp_basic_properties_t>) {
        let flags = properties.pointee._flags
        contentType = flags & (1 << 15) != 0 ? contentTypes.text(properties.pointee.content_type) : nil
        // Headers, correlation id, reply-to, message id, timestamp.
        guard flags & (1 << 13 | 1 << 10 | 1 << 9 | 1 << 7 | 1 << 6) != 0 else {
            extras = nil
            return
        }
        extras = Delivery.Extras(
            headers: flags & (1 << 13) != 0 ? properties.pointee.headers.fields(&headerNames) : [],
            replyTo: flags & (1 << 9) != 0 ? properties.pointee.reply_to.text : nil,
            correlationID: flags & (1 << 10) != 0 ? properties.pointee.correlation_id.text : nil,
            messageID: flags & (1 << 7) != 0 ? properties.pointee.message_id.text : nil,
            timestamp: flags & (1 << 6) != 0 ? properties.pointee.timestamp : nil
        )
    }

    private mutating func finish(_ origin: Origin, _ body: [UInt8]) -> Message {
        state = .idle
        let (tag, redelivered): (UInt64, Bool) =
            switch origin {
            case .delivery(_, let tag, let redelivered), .got(let tag, let redelivered): (tag, redelivered)
            case .returned, .dropped: (0, false)
            }
        let delivery = Delivery(
            tag: tag,
            redelivered: redelivered,
            exchange: exchange,
            routingKey: routingKey,
            body: body,
            contentType: contentType,
            extras: extras
        )
        extras = nil
        return Message(origin: origin, delivery: delivery)
    }
}

extension BrokerError {
    static func outOfOrder(_ what: String) -> BrokerError {
        BrokerError(.protocolViolation, "RabbitMQ sent \(what); the connection is given up")
    }
}
