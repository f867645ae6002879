import FleetModel

extension DeadLetterFilter {
    /// `/v1/dead-letters?bot=shop&limit=50`, escaped.
    public func path(_ base: String, _ more: [(name: String, value: String)] = []) -> String {
        let items = query + more
        return items.isEmpty
            ? base : base + "?" + items.map { "\($0.name)=\(Self.escaped($0.value))" }.joined(separator: "&")
    }

    /// RFC 3986, section 2.3: what is not unreserved is percent-encoded.
    private static func escaped(_ text: String) -> String {
        var out = ""
        for byte in text.utf8 {
            switch byte {
            case 48...57, 65...90, 97...122, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"):
                out.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                out += "%" + (digits.utf8.count == 1 ? "0" : "") + digits
            }
        }
        return out
    }
}
