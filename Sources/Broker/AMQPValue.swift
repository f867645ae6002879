/// A value in an AMQP table: a header, or an argument of a queue. Types as RabbitMQ reads them
/// (https://www.rabbitmq.com/amqp-0-9-1-errata#section_3).
public enum AMQPValue: Sendable, Equatable {
    case bool(Bool)
    /// Any integer; sent as signed 64-bit.
    case int(Int64)
    case double(Double)
    case string(String)
    /// A byte string that is not UTF-8 text.
    case bytes([UInt8])
    /// Seconds since 1970.
    case timestamp(UInt64)
    /// `value` divided by ten to the power of `scale`.
    case decimal(scale: UInt8, value: UInt32)
    case array([AMQPValue])
    case table([String: AMQPValue])
    case null
}

extension AMQPValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral {
    public init(stringLiteral value: String) { self = .string(value) }
    public init(integerLiteral value: Int64) { self = .int(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
}

extension AMQPValue {
    /// The text, if this is text.
    public var text: String? {
        if case .string(let value) = self { value } else { nil }
    }

    /// The number, if this is an integer.
    public var integer: Int64? {
        if case .int(let value) = self { value } else { nil }
    }
}
