/// A message the broker handed to us.
public struct Delivery: Sendable {
    /// Names this delivery within its channel, for acks; ascending from 1.
    public let tag: UInt64
    /// The broker delivered it before, to us or to somebody else.
    public let redelivered: Bool
    public let exchange: String
    public let routingKey: String
    public let body: [UInt8]
    public let contentType: String?
    let extras: Extras?

    struct Header: Sendable, Equatable {
        let name: String
        let value: AMQPValue
    }

    /// What most messages do not carry; boxed, so that they do not pay for it.
    final class Extras: Sendable, Equatable {
        let headers: [Header]
        let replyTo: String?
        let correlationID: String?
        let messageID: String?
        let timestamp: UInt64?

        init(
            headers: [Header] = [],
            replyTo: String? = nil,
            correlationID: String? = nil,
            messageID: String? = nil,
            timestamp: UInt64? = nil
        ) {
            self.headers = headers
            self.replyTo = replyTo
            self.correlationID = correlationID
            self.messageID = messageID
            self.timestamp = timestamp
        }

        static func == (one: Extras, other: Extras) -> Bool {
            one.headers == other.headers && one.replyTo == other.replyTo && one.correlationID == other.correlationID
                && one.messageID == other.messageID && one.timestamp == other.timestamp
        }
    }

    /// Empty when the message has none. For one of them ``header(_:)`` is much cheaper.
    public var headers: [String: AMQPValue] {
        Dictionary((extras?.headers ?? []).map { ($0.name, $0.value) }) { _, last in last }
    }
    public func header(_ name: String) -> AMQPValue? {
        guard let extras else { return nil }
        return extras.headers.last { $0.name == name }?.value
    }
    public var replyTo: String? { extras?.replyTo }
    public var correlationID: String? { extras?.correlationID }
    public var messageID: String? { extras?.messageID }
    /// Seconds since 1970, as the publisher wrote it.
    public var timestamp: UInt64? { extras?.timestamp }
    /// How often a quorum queue delivered it before (`x-delivery-count`); nil where the broker does not count.
    public var deliveryCount: Int? { header("x-delivery-count")?.integer.map(Int.init) }

    /// For tests and fakes; the broker's deliveries come from ``Deliveries``.
    public init(
        tag: UInt64,
        redelivered: Bool = false,
        exchange: String = "",
        routingKey: String,
        body: [UInt8],
        contentType: String? = nil,
        headers: [String: AMQPValue] = [:],
        replyTo: String? = nil,
        correlationID: String? = nil,
        messageID: String? = nil,
        timestamp: UInt64? = nil
    ) {
        self.tag = tag
        self.redelivered = redelivered
        self.exchange = exchange
        self.routingKey = routingKey
        self.body = body
        self.contentType = contentType
        let plain = headers.isEmpty && replyTo == nil && correlationID == nil && messageID == nil && timestamp == nil
        self.extras =
            plain
            ? nil
            : Extras(
                headers: headers.map { Header(name: $0.key, value: $0.value) },
                replyTo: replyTo,
                correlationID: correlationID,
                messageID: messageID,
                timestamp: timestamp
            )
    }

    init(
        tag: UInt64,
        redelivered: Bool,
        exchange: String,
        routingKey: String,
        body: [UInt8],
        contentType: String?,
        extras: Extras?
    ) {
        self.tag = tag
        self.redelivered = redelivered
        self.exchange = exchange
        self.routingKey = routingKey
        self.body = body
        self.contentType = contentType
        self.extras = extras
    }
}
