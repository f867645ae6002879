/// What of a URL may be shown: host and port. Paths hold bot tokens, user information holds passwords.
enum HTTPEndpoint {
    /// - Returns: `host` or `host:port`; `?` when the text is no URL with an authority.
    static func of(_ url: String) -> String {
        let bytes = url.utf8
        guard let scheme = bytes.firstIndex(of: UInt8(ascii: ":")), bytes[scheme...].starts(with: "://".utf8) else {
            return "?"
        }
        var authority = bytes[bytes.index(scheme, offsetBy: 3)...]
            .prefix { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
        if let at = authority.lastIndex(of: UInt8(ascii: "@")) {
            authority = authority[authority.index(after: at)...]
        }
        // Anything odd is hidden rather than shown.
        let isPlain = authority.allSatisfy { byte in
            switch byte {
            case 48...57, 65...90, 97...122, UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: ":"),
                UInt8(ascii: "["), UInt8(ascii: "]"):
                true
            default: false
            }
        }
        return isPlain && !authority.isEmpty && authority.count <= 255
            ? String(decoding: authority, as: UTF8.self) : "?"
    }

    static func isSecure(_ url: String) -> Bool { starts(url, "https://") }
    static func isPlain(_ url: String) -> Bool { starts(url, "http://") }

    /// Scheme names ignore letter case; setting that bit changes neither `:` nor `/`.
    private static func starts(_ url: String, _ scheme: StaticString) -> Bool {
        let count = scheme.utf8CodeUnitCount
        guard url.utf8.count > count else { return false }
        return zip(url.utf8, UnsafeBufferPointer(start: scheme.utf8Start, count: count)).allSatisfy { $0 | 0x20 == $1 }
    }
}
