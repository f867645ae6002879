extension JSONScanner {
    /// The integer that is the member `name` of the object `body`, and where it stands, its quotes included if it has
    /// any. `nil`: no object, no such member, or something else than an integer.
    public static func integer(
        _ name: StaticString, in body: [UInt8]
    ) -> (value: Int64, range: Range<Int>)? {
        var found: (value: Int64, range: Range<Int>)?
        body.withUnsafeBufferPointer { bytes in
            var scanner = JSONScanner(bytes)
            try? scanner.object { (key, scanner) throws(Malformed) in
                let start = scanner.offset
                guard scanner.matches(key, name) else { return try scanner.skipValue() }
                var value: Int64?
                if scanner.peek == UInt8(ascii: "\"") {
                    value = Int64(scanner.text(try scanner.string()))
                } else if let next = scanner.peek, next == UInt8(ascii: "-") || next &- 48 <= 9 {
                    value = try scanner.integer()
                } else {
                    try scanner.skipValue()
                }
                found = value.map { ($0, start..<scanner.offset) }
            }
        }
        return found
    }

    /// `body` with another number as its member `name`; `nil` when it has no such integer.
    public static func replacing(_ name: StaticString, with value: Int64, in body: [UInt8]) -> [UInt8]? {
        guard let old = integer(name, in: body) else { return nil }
        var out = body
        out.replaceSubrange(old.range, with: "\(value)".utf8)
        return out
    }
}
