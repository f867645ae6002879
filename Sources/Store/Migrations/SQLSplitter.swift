/// Cuts a script into its statements. Needed for migrations outside a transaction alone: the server would run a text of
/// several statements in one.
enum SQLSplitter {
    /// The statements without their semicolons; comments stay, empty ones are left out. It knows quotes, quoted names,
    /// dollar quotes and both kinds of comments (PostgreSQL manual, 4.1), but not `E''` with backslashes.
    static func statements(in sql: String) -> [String] {
        var scanner = Scanner(bytes: Array(sql.utf8))
        return scanner.run()
    }

    private struct Scanner {
        let bytes: [UInt8]
        var offset = 0
        /// Whether the statement holds anything but blanks and comments.
        var hasContent = false

        init(bytes: [UInt8]) { self.bytes = bytes }

        mutating func run() -> [String] {
            var statements: [String] = []
            var start = 0
            func cut(_ end: Int) {
                if hasContent { statements.append(String(decoding: bytes[start..<end], as: UTF8.self)) }
            }
            while offset < bytes.count {
                let byte = bytes[offset]
                switch byte {
                case UInt8(ascii: ";"):
                    cut(offset)
                    offset += 1
                    start = offset
                    hasContent = false
                case UInt8(ascii: "'"), UInt8(ascii: "\""):
                    hasContent = true
                    skipQuoted(byte)
                case UInt8(ascii: "-") where at("--"): skipLine()
                case UInt8(ascii: "/") where at("/*"): skipComment()
                case UInt8(ascii: "$"):
                    hasContent = true
                    skipDollar()
                default:
                    if byte > 0x20 { hasContent = true }
                    offset += 1
                }
            }
            cut(bytes.count)
            return statements.map { Self.trimmed($0) }
        }

        private func at(_ text: StaticString) -> Bool {
            let pattern = UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
            return bytes[offset...].starts(with: pattern)
        }

        /// A doubled quote closes and opens again, which comes to the same.
        private mutating func skipQuoted(_ quote: UInt8) {
            offset += 1
            while offset < bytes.count, bytes[offset] != quote { offset += 1 }
            offset = min(offset + 1, bytes.count)
        }

        private mutating func skipLine() {
            while offset < bytes.count, bytes[offset] != UInt8(ascii: "\n") { offset += 1 }
        }

        private mutating func skipComment() {
            var depth = 0
            repeat {
                if at("/*") {
                    depth += 1
                    offset += 2
                } else if at("*/") {
                    depth -= 1
                    offset += 2
                } else {
                    offset += 1
                }
            } while depth > 0 && offset < bytes.count
        }

        private mutating func skipDollar() {
            var end = offset + 1
            while end < bytes.count, isTagByte(bytes[end]) { end += 1 }
            guard end < bytes.count, bytes[end] == UInt8(ascii: "$") else {
                offset += 1
                return
            }
            let tag = bytes[offset...end]
            offset = end + 1
            while offset < bytes.count, !bytes[offset...].starts(with: tag) { offset += 1 }
            offset = min(offset + tag.count, bytes.count)
        }

        private func isTagByte(_ byte: UInt8) -> Bool {
            let character = Character(UnicodeScalar(byte))
            return character.isLetter || character.isNumber || character == "_"
        }

        private static func trimmed(_ text: String) -> String {
            let blank: (Character) -> Bool = { $0.isWhitespace }
            var part = Substring(text).drop(while: blank)
            while let last = part.last, blank(last) { part.removeLast() }
            return String(part)
        }
    }
}
