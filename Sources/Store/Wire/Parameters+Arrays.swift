import FleetModel

// Arrays in binary format (PostgreSQL source, `array_recv`): dimensions, a flag for NULLs, the element's type, then for
// each dimension its length and lower bound, then each element with its length, -1 for NULL. All 32 bits, big-endian.

extension Parameters {
    public mutating func add(_ values: [Int64]) {
        reserve(bytes: 20 + 12 * values.count)
        array(PostgresType.int8Array, of: PostgresType.int8, values, mayBeNull: false) { out, value in
            out.appendBigEndian(Int32(8))
            out.appendBigEndian(value)
        }
    }

    public mutating func add(_ values: [Int64?]) {
        reserve(bytes: 20 + 12 * values.count)
        array(PostgresType.int8Array, of: PostgresType.int8, values, mayBeNull: true) { out, value in
            guard let value else { return out.appendBigEndian(Int32(-1)) }
            out.appendBigEndian(Int32(8))
            out.appendBigEndian(value)
        }
    }

    public mutating func add(_ values: [Int32]) {
        array(PostgresType.int4Array, of: PostgresType.int4, values, mayBeNull: false) { out, value in
            out.appendBigEndian(Int32(4))
            out.appendBigEndian(value)
        }
    }

    public mutating func add(_ values: [Int16]) {
        reserve(bytes: 20 + 6 * values.count)
        array(PostgresType.int2Array, of: PostgresType.int2, values, mayBeNull: false) { out, value in
            out.appendBigEndian(Int32(2))
            out.appendBigEndian(value)
        }
    }

    public mutating func add(_ values: [String]) {
        array(PostgresType.textArray, of: PostgresType.text, values, mayBeNull: false) { out, value in
            out.appendSized { $0.appendText(value) }
        }
    }

    public mutating func add(_ values: [[UInt8]]) {
        var size = 20
        for value in values { size += 4 + value.count }
        reserve(bytes: size)
        array(PostgresType.byteaArray, of: PostgresType.bytea, values, mayBeNull: false) { out, value in
            out.appendBigEndian(Int32(truncatingIfNeeded: value.count))
            out.append(contentsOf: value)
        }
    }

    /// Leaves the NULLs out.
    mutating func add(compacting values: [[UInt8]?]) {
        var size = 20
        for case let value? in values { size += 4 + value.count }
        reserve(bytes: size)
        parameter(PostgresType.byteaArray) { out in
            var count: Int32 = 0
            for case .some in values { count += 1 }
            out.appendArrayHead(of: PostgresType.bytea, count: count, mayBeNull: false)
            for case let value? in values {
                out.appendBigEndian(Int32(truncatingIfNeeded: value.count))
                out.append(contentsOf: value)
            }
        }
    }

    public mutating func add(_ values: [Timestamp]) {
        array(PostgresType.timestamptzArray, of: PostgresType.timestamptz, values, mayBeNull: false) { out, value in
            out.appendBigEndian(Int32(8))
            out.appendBigEndian((value.milliseconds - PostgresType.epochMilliseconds) * 1000)
        }
    }

    public mutating func add(_ values: [Timestamp?]) {
        array(PostgresType.timestamptzArray, of: PostgresType.timestamptz, values, mayBeNull: true) { out, value in
            guard let value else { return out.appendBigEndian(Int32(-1)) }
            out.appendBigEndian(Int32(8))
            out.appendBigEndian((value.milliseconds - PostgresType.epochMilliseconds) * 1000)
        }
    }

    /// `nil`: NULL in the array's place.
    public mutating func add(_ values: [Int64]?) {
        guard let values else { return addNull(PostgresType.int8Array) }
        add(values)
    }

    public mutating func add(_ ids: [BotID]) { add(ids.map(\.rawValue)) }

    @inline(__always)
    private mutating func array<Element>(
        _ type: UInt32,
        of elementType: UInt32,
        _ values: [Element],
        mayBeNull: Bool,
        _ write: (inout [UInt8], Element) -> Void
    ) {
        parameter(type) { out in
            out.appendArrayHead(of: elementType, count: Int32(truncatingIfNeeded: values.count), mayBeNull: mayBeNull)
            for value in values { write(&out, value) }
        }
    }
}

extension [UInt8] {
    fileprivate mutating func appendArrayHead(of elementType: UInt32, count: Int32, mayBeNull: Bool) {
        appendBigEndian(Int32(count == 0 ? 0 : 1))
        appendBigEndian(Int32(mayBeNull ? 1 : 0))
        appendBigEndian(elementType)
        if count == 0 { return }
        appendBigEndian(count)
        appendBigEndian(Int32(1))
    }

    /// Writes a value and then puts its length before it.
    fileprivate mutating func appendSized(_ write: (inout [UInt8]) -> Void) {
        let place = count
        appendBigEndian(Int32(0))
        write(&self)
        let size = UInt32(truncatingIfNeeded: count - place - 4)
        for byte in 0..<4 { self[place + byte] = UInt8(truncatingIfNeeded: size >> UInt32(24 - 8 * byte)) }
    }
}
