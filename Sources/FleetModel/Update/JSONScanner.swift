/// A pull scanner over JSON text (RFC 8259) that touches each byte once and allocates nothing.
///
/// It serves the hot path, where a few fields of an update are wanted and the rest only has to be well formed:
/// decoding a whole update with `JSONDecoder` costs some forty times as much.
///
/// Valid only while the buffer it was made from is.
public struct JSONScanner {
    @usableFromInline let bytes: UnsafeBufferPointer<UInt8>
    public private(set) var offset = 0
    private var depth = 0

    /// Deeper nesting is refused, so that a hostile body cannot exhaust the stack.
    public static let maximumDepth = 256

    public init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    public struct Malformed: Error, Equatable, CustomStringConvertible {
        public let reason: String
        /// Byte offset at which it was noticed.
        public let offset: Int
        public var description: String { "not valid JSON: \(reason) at byte \(offset)" }
    }

    /// The raw text of a string value: the bytes between its quotes, escapes not yet resolved.
    public struct RawString {
        public let range: Range<Int>
        public let hasEscapes: Bool
    }

    private func malformed(_ reason: String) -> Malformed { Malformed(reason: reason, offset: offset) }

    // MARK: Structure

    /// Calls `member` for each member of the object that starts here. `member` must consume the value and must not
    /// throw anything but what the scanner threw.
    public mutating func object(
        _ member: (_ key: RawString, _ scanner: inout JSONScanner) throws(Malformed) -> Void
    ) throws(Malformed) {
        try open("{", "an object")
        if close("}") { return }
        while true {
            skipSpace()
            let key = try string()
            skipSpace()
            try expect(":", "':'")
            skipSpace()
            try member(key, &self)
            skipSpace()
            if take(",") { continue }
            guard close("}") else { throw malformed("expected ',' or '}'") }
            return
        }
    }

    /// Calls `element` for each element of the array that starts here; `element` must consume it.
    public mutating func array(_ element: (_ scanner: inout JSONScanner) throws(Malformed) -> Void) throws(Malformed) {
        try open("[", "an array")
        if close("]") { return }
        while true {
            skipSpace()
            try element(&self)
            skipSpace()
            if take(",") { continue }
            guard close("]") else { throw malformed("expected ',' or ']'") }
            return
        }
    }

    /// Nothing but white space may follow.
    public mutating func end() throws(Malformed) {
        skipSpace()
        if offset != bytes.count { throw malformed("text after the value") }
    }

    public mutating func skipSpace() {
        while offset < bytes.count {
            switch bytes[offset] {
            case 0x20, 0x0A, 0x0D, 0x09: offset += 1
            default: return
            }
        }
    }

    private mutating func open(_ character: Unicode.Scalar, _ what: String) throws(Malformed) {
        skipSpace()
        guard take(character) else { throw malformed("expected \(what)") }
        depth += 1
        if depth > Self.maximumDepth { throw malformed("nested too deeply") }
        skipSpace()
    }

    private mutating func close(_ character: Unicode.Scalar) -> Bool {
        guard take(character) else { return false }
        depth -= 1
        return true
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard offset < bytes.count, bytes[offset] == UInt8(truncatingIfNeeded: character.value) else { return false }
        offset += 1
        return true
    }

    private mutating func expect(_ character: Unicode.Scalar, _ what: String) throws(Malformed) {
        guard take(character) else { throw malformed("expected \(what)") }
    }

    // MARK: Values

    /// The first byte of the value that comes next; `nil` at the end.
    public var peek: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    /// Consumes a value of any kind, checking its form.
    public mutating func skipValue() throws(Malformed) {
        switch peek {
        case UInt8(ascii: "{"):
            try object { (_, scanner) throws(Malformed) in try scanner.skipValue() }
        case UInt8(ascii: "["):
            try array { (scanner) throws(Malformed) in try scanner.skipValue() }
        case UInt8(ascii: "\""):
            _ = try string()
        case UInt8(ascii: "t"): try literal("true")
        case UInt8(ascii: "f"): try literal("false")
        case UInt8(ascii: "n"): try literal("null")
        default: try number()
        }
    }

    public mutating func string() throws(Malformed) -> RawString {
        guard take("\"") else { throw malformed("expected a string") }
        let start = offset
        var hasEscapes = false
        while true {
            skipPlain()
            guard offset < bytes.count else { throw malformed("string without an end") }
            let byte = bytes[offset]
            if byte == UInt8(ascii: "\"") {
                defer { offset += 1 }
                return RawString(range: start..<offset, hasEscapes: hasEscapes)
            }
            if byte == UInt8(ascii: "\\") {
                hasEscapes = true
                try escape()
            } else if byte < 0x20 {
                throw malformed("control character in a string")
            } else {
                offset += 1
            }
        }
    }

    /// Moves up to the next byte that means something in a string, eight at a time; the last seven bytes of the text are
    /// left to the caller.
    @inline(__always) private mutating func skipPlain() {
        let raw = UnsafeRawBufferPointer(bytes)
        while offset + 8 <= raw.count {
            let word = UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            // The highest bit of each byte that is below a space, a quote or a backslash. The usual trick with borrows
            // may also mark a byte above such a one, never below it, and only the lowest counts.
            let quote = word ^ Self.each(UInt8(ascii: "\""))
            let backslash = word ^ Self.each(UInt8(ascii: "\\"))
            let marks =
                (word &- Self.each(0x20)) & ~word | (quote &- Self.each(1)) & ~quote
                | (backslash &- Self.each(1)) & ~backslash
            let found = marks & Self.each(0x80)
            if found != 0 {
                offset += found.trailingZeroBitCount / 8
                return
            }
            offset += 8
        }
    }

    @inline(__always) private static func each(_ byte: UInt8) -> UInt64 { UInt64(byte) &* 0x0101_0101_0101_0101 }

    private mutating func escape() throws(Malformed) {
        offset += 1
        guard offset < bytes.count else { throw malformed("string without an end") }
        switch bytes[offset] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            offset += 1
        case UInt8(ascii: "u"):
            guard offset + 4 < bytes.count else { throw malformed("string without an end") }
            for index in offset + 1...offset + 4 where Self.hexadecimal(bytes[index]) == nil {
                throw malformed("bad \\u escape")
            }
            offset += 5
        default:
            throw malformed("bad escape")
        }
    }

    /// An integer that fits 64 bits. A fraction or an exponent is refused.
    public mutating func integer() throws(Malformed) -> Int64 {
        let start = offset
        let negative = take("-")
        var value: Int64 = 0
        let digits = offset
        while offset < bytes.count, case let digit = bytes[offset] &- 48, digit <= 9 {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (difference, underflow) = product.subtractingReportingOverflow(Int64(digit))
            if overflow || underflow { throw malformed("integer out of range") }
            value = difference
            offset += 1
        }
        if offset == digits { throw malformed("expected an integer") }
        if offset - digits > 1, bytes[digits] == UInt8(ascii: "0") { throw malformed("leading zero") }
        if let next = peek, next == UInt8(ascii: ".") || next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            offset = start
            throw malformed("expected an integer")
        }
        if negative { return value }
        // It was built negative, because the range below zero is the larger one.
        if value == .min { throw malformed("integer out of range") }
        return -value
    }

    private mutating func number() throws(Malformed) {
        _ = take("-")
        let whole = offset
        guard digits() > 0 else { throw malformed("expected a value") }
        if offset - whole > 1, bytes[whole] == UInt8(ascii: "0") { throw malformed("leading zero") }
        if take("."), digits() == 0 { throw malformed("bad number") }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            if digits() == 0 { throw malformed("bad number") }
        }
    }

    private mutating func digits() -> Int {
        let start = offset
        while offset < bytes.count, bytes[offset] &- 48 <= 9 { offset += 1 }
        return offset - start
    }

    private mutating func literal(_ text: StaticString) throws(Malformed) {
        let count = text.utf8CodeUnitCount
        guard offset + count <= bytes.count else { throw malformed("expected a value") }
        for index in 0..<count where bytes[offset + index] != text.utf8Start[index] {
            throw malformed("expected a value")
        }
        offset += count
    }

    // MARK: Text

    /// Whether a key or string is exactly `text` (which must need no escapes).
    @inlinable @inline(__always) public func matches(_ string: RawString, _ text: StaticString) -> Bool {
        guard string.range.count == text.utf8CodeUnitCount, !string.hasEscapes else { return false }
        for index in 0..<text.utf8CodeUnitCount where bytes[string.range.lowerBound + index] != text.utf8Start[index] {
            return false
        }
        return true
    }

    /// The text of a string with its escapes resolved. Invalid UTF-8 and lone surrogates become U+FFFD.
    public func text(_ string: RawString) -> String {
        let raw = UnsafeBufferPointer(rebasing: bytes[string.range])
        guard string.hasEscapes else { return String(decoding: raw, as: UTF8.self) }
        return Self.unescape(raw)
    }

    static func unescape(_ raw: UnsafeBufferPointer<UInt8>) -> String {
        var out: [UInt8] = []
        out.reserveCapacity(raw.count)
        var index = 0
        while index < raw.count {
            guard raw[index] == UInt8(ascii: "\\"), index + 1 < raw.count else {
                out.append(raw[index])
                index += 1
                continue
            }
            switch raw[index + 1] {
            case UInt8(ascii: "b"): out.append(8)
            case UInt8(ascii: "f"): out.append(12)
            case UInt8(ascii: "n"): out.append(10)
            case UInt8(ascii: "r"): out.append(13)
            case UInt8(ascii: "t"): out.append(9)
            case UInt8(ascii: "u"):
                var unit = codeUnit(raw, at: index + 2)
                index += 6
                if 0xD800...0xDBFF ~= unit, index + 5 < raw.count, raw[index] == UInt8(ascii: "\\"),
                    raw[index + 1] == UInt8(ascii: "u"),
                    case let low = codeUnit(raw, at: index + 2), 0xDC00...0xDFFF ~= low
                {
                    unit = 0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)
                    index += 6
                }
                let scalar = Unicode.Scalar(unit) ?? "\u{FFFD}"
                out.append(contentsOf: Array(Character(scalar).utf8))
                continue
            case let plain: out.append(plain)
            }
            index += 2
        }
        return String(decoding: out, as: UTF8.self)
    }

    private static func codeUnit(_ raw: UnsafeBufferPointer<UInt8>, at start: Int) -> UInt32 {
        guard start + 4 <= raw.count else { return 0xFFFD }
        var value: UInt32 = 0
        for index in start..<start + 4 { value = value << 4 | UInt32(hexadecimal(raw[index]) ?? 0) }
        return value
    }

    private static func hexadecimal(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 48...57: byte - 48
        case 65...70: byte - 55
        case 97...102: byte - 87
        default: nil
        }
    }
}
