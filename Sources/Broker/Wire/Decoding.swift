import CRabbitMQ
import Glibc

// From the library's structs to ours. Everything is copied: the library's memory is good until the next frame.

extension amqp_bytes_t {
    var buffer: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: bytes, count: bytes == nil ? 0 : len) }
    /// As text; what is not UTF-8 is repaired, never an error.
    var text: String { String(decoding: buffer, as: UTF8.self) }
}

extension amqp_table_t {
    var dictionary: [String: AMQPValue] {
        guard num_entries > 0, let entries else { return [:] }
        var result: [String: AMQPValue] = [:]
        for index in 0..<Int(num_entries) {
            result[entries[index].key.text] = AMQPValue(entries[index].value)
        }
        return result
    }
}

extension amqp_table_t {
    /// Its fields in their order.
    func fields(_ names: inout NameCache) -> [Delivery.Header] {
        guard num_entries > 0, let entries else { return [] }
        return (0..<Int(num_entries)).map { index in
            Delivery.Header(name: names.text(entries[index].key), value: AMQPValue(entries[index].value))
        }
    }
}

extension AMQPValue {
    init(_ field: amqp_field_value_t) {
        let value = field.value
        switch field.kind {
        case UInt8(ascii: "t"): self = .bool(value.boolean != 0)
        case UInt8(ascii: "b"): self = .int(Int64(value.i8))
        case UInt8(ascii: "B"): self = .int(Int64(value.u8))
        case UInt8(ascii: "s"): self = .int(Int64(value.i16))
        case UInt8(ascii: "u"): self = .int(Int64(value.u16))
        case UInt8(ascii: "I"): self = .int(Int64(value.i32))
        case UInt8(ascii: "i"): self = .int(Int64(value.u32))
        case UInt8(ascii: "l"): self = .int(value.i64)
        case UInt8(ascii: "L"): self = .int(Int64(clamping: value.u64))
        case UInt8(ascii: "f"): self = .double(Double(value.f32))
        case UInt8(ascii: "d"): self = .double(value.f64)
        case UInt8(ascii: "D"): self = .decimal(scale: value.decimal.decimals, value: value.decimal.value)
        case UInt8(ascii: "T"): self = .timestamp(value.u64)
        case UInt8(ascii: "F"): self = .table(value.table.dictionary)
        case UInt8(ascii: "x"): self = .bytes(Array(value.bytes.buffer))
        case UInt8(ascii: "S"):
            // A long string may hold anything.
            if let text = String(validating: value.bytes.buffer, as: UTF8.self) {
                self = .string(text)
            } else {
                self = .bytes(Array(value.bytes.buffer))
            }
        case UInt8(ascii: "A"):
            guard value.array.num_entries > 0, let entries = value.array.entries else {
                self = .array([])
                return
            }
            self = .array((0..<Int(value.array.num_entries)).map { AMQPValue(entries[$0]) })
        default: self = .null
        }
    }
}

/// Turns bytes into a `String`, and hands out the last one again when the bytes are the same: routing key, exchange and
/// content type hardly ever change from one delivery to the next.
struct TextCache {
    private var last = ""

    mutating func text(_ bytes: amqp_bytes_t) -> String {
        let buffer = bytes.buffer
        if buffer.count == 0 { return "" }
        if !last.hasBytes(buffer) {
            last = String(decoding: buffer, as: UTF8.self)
            // Bytes that had to be repaired never compare equal, which costs time and nothing else.
            last.makeContiguousUTF8()
        }
        return last
    }
}

/// The same for the few names that come again in other orders, such as those of headers.
struct NameCache {
    private var names: [String] = []
    private var oldest = 0

    /// Names remembered.
    static let bound = 8

    mutating func text(_ bytes: amqp_bytes_t) -> String {
        let buffer = bytes.buffer
        for name in names where name.hasBytes(buffer) { return name }
        var name = bytes.text
        name.makeContiguousUTF8()
        if names.count < Self.bound {
            names.append(name)
        } else {
            names[oldest] = name
            oldest = (oldest + 1) % Self.bound
        }
        return name
    }
}

extension String {
    fileprivate func hasBytes(_ buffer: UnsafeRawBufferPointer) -> Bool {
        let same = utf8.withContiguousStorageIfAvailable { own in
            guard own.count == buffer.count, let one = own.baseAddress, let other = buffer.baseAddress else {
                return own.count == buffer.count
            }
            return memcmp(one, other, own.count) == 0
        }
        return same ?? false
    }
}
