import FleetModel

/// JSON text under construction. What is appended is not checked: the caller keeps the form right.
struct JSONWriter {
    var bytes: [UInt8] = []

    init(reserving capacity: Int = 256) { bytes.reserveCapacity(capacity) }

    @inline(__always) mutating func raw(_ text: StaticString) { JSONText.append(raw: text, to: &bytes) }
    mutating func json(_ text: [UInt8]) { bytes.append(contentsOf: text) }
    mutating func text(_ value: String) { JSONText.append(value, to: &bytes) }
    mutating func number(_ value: Int64) { JSONText.append(value, to: &bytes) }
    mutating func number(_ value: Int) { JSONText.append(Int64(value), to: &bytes) }
    mutating func number(_ value: Double) { bytes.append(contentsOf: "\(value)".utf8) }
    mutating func boolean(_ value: Bool) { bytes.append(contentsOf: value ? "true".utf8 : "false".utf8) }

    /// A comma, unless something has just been opened.
    mutating func comma() {
        switch bytes.last {
        case UInt8(ascii: "["), UInt8(ascii: "{"), nil: return
        default: bytes.append(UInt8(ascii: ","))
        }
    }

    /// The name of a member, with the comma before it where one is needed.
    mutating func key(_ name: StaticString) {
        comma()
        bytes.append(UInt8(ascii: "\""))
        JSONText.append(raw: name, to: &bytes)
        raw("\":")
    }

    mutating func member(_ name: StaticString, _ value: Int64) {
        key(name)
        number(value)
    }
    mutating func member(_ name: StaticString, _ value: Int) { member(name, Int64(value)) }
    mutating func member(_ name: StaticString, _ value: String) {
        key(name)
        text(value)
    }
    mutating func member(_ name: StaticString, _ value: Bool) {
        key(name)
        boolean(value)
    }
    mutating func member(_ name: StaticString, json value: [UInt8]) {
        key(name)
        json(value)
    }
}
