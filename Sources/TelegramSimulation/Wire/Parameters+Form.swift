extension Parameters {
    /// Adds `application/x-www-form-urlencoded` pairs, as bodies and query strings have them.
    public mutating func add(form text: some Collection<UInt8>) {
        for pair in text.split(separator: UInt8(ascii: "&")) {
            let parts = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = parts.first, !name.isEmpty else { continue }
            add(Self.decode(name), .text(parts.count > 1 ? Self.decode(parts[1]) : ""))
        }
    }

    /// Resolves `+` and `%XX`; a `%` that starts no such triple stays as it is.
    public static func decode(_ encoded: some Collection<UInt8>) -> String {
        var out: [UInt8] = []
        out.reserveCapacity(encoded.count)
        var rest = encoded.makeIterator()
        while let byte = rest.next() {
            switch byte {
            case UInt8(ascii: "+"):
                out.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                let pair = (rest.next(), rest.next())
                if let high = digit(pair.0), let low = digit(pair.1) {
                    out.append(high << 4 | low)
                } else {
                    out.append(contentsOf: [byte, pair.0, pair.1].compactMap { $0 })
                }
            default:
                out.append(byte)
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8?) -> UInt8? {
        switch byte {
        case .some(let byte) where (48...57).contains(byte): byte - 48
        case .some(let byte) where (65...70).contains(byte): byte - 55
        case .some(let byte) where (97...102).contains(byte): byte - 87
        default: nil
        }
    }
}
