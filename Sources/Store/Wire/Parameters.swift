import FleetModel

/// The parameters of a statement in PostgreSQL's binary format, one after another in one buffer.
public struct Parameters: Sendable {
    /// Starts with one byte that belongs to no parameter: libpq takes a null pointer for NULL, so even an empty value
    /// needs an address.
    var bytes: [UInt8] = [0]
    var types: [UInt32] = []
    /// Where each begins in `bytes`; -1 for NULL.
    var offsets: [Int32] = []
    var lengths: [Int32] = []

    public init() {}

    public var count: Int { types.count }

    /// Room for `count` more bytes, so that a batch is built without copying.
    public mutating func reserve(bytes count: Int) { bytes.reserveCapacity(bytes.count + count) }

    public mutating func add(_ value: Int64?) {
        guard let value else { return addNull(PostgresType.int8) }
        parameter(PostgresType.int8) { $0.appendBigEndian(value) }
    }

    public mutating func add(_ value: Int32?) {
        guard let value else { return addNull(PostgresType.int4) }
        parameter(PostgresType.int4) { $0.appendBigEndian(value) }
    }

    public mutating func add(_ value: Int16?) {
        guard let value else { return addNull(PostgresType.int2) }
        parameter(PostgresType.int2) { $0.appendBigEndian(value) }
    }

    public mutating func add(_ value: Bool?) {
        guard let value else { return addNull(PostgresType.bool) }
        parameter(PostgresType.bool) { $0.append(value ? 1 : 0) }
    }

    /// Text; NUL, which PostgreSQL cannot store in it, becomes U+FFFD.
    public mutating func add(_ value: String?) {
        guard let value else { return addNull(PostgresType.text) }
        parameter(PostgresType.text) { $0.appendText(value) }
    }

    public mutating func add(_ value: [UInt8]?) {
        guard let value else { return addNull(PostgresType.bytea) }
        parameter(PostgresType.bytea) { $0.append(contentsOf: value) }
    }

    public mutating func add(_ value: Timestamp?) {
        guard let value else { return addNull(PostgresType.timestamptz) }
        parameter(PostgresType.timestamptz) {
            $0.appendBigEndian((value.milliseconds - PostgresType.epochMilliseconds) * 1000)
        }
    }

    public mutating func add(_ id: BotID?) { add(id?.rawValue) }

    mutating func addNull(_ type: UInt32) {
        types.append(type)
        offsets.append(-1)
        lengths.append(0)
    }

    mutating func parameter(_ type: UInt32, _ write: (inout [UInt8]) -> Void) {
        let start = bytes.count
        write(&bytes)
        types.append(type)
        offsets.append(Int32(truncatingIfNeeded: start))
        lengths.append(Int32(truncatingIfNeeded: bytes.count - start))
    }
}

extension [UInt8] {
    @inline(__always) mutating func appendBigEndian<Value: FixedWidthInteger>(_ value: Value) {
        Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
    }

    /// UTF-8 with every NUL replaced by U+FFFD.
    mutating func appendText(_ text: String) {
        var text = text
        text.withUTF8 { utf8 in
            guard utf8.contains(0) else { return append(contentsOf: utf8) }
            for byte in utf8 {
                if byte == 0 { append(contentsOf: [0xEF, 0xBF, 0xBD]) } else { append(byte) }
            }
        }
    }
}
