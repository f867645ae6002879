import FleetModel

/// JSON for people: a member or element a line. Text stays as it was written: order, numbers and escapes.
public enum JSONIndent {
    /// `nil` when it is no JSON.
    public static func text(_ json: [UInt8]) -> String? {
        let isValid = json.withUnsafeBufferPointer { bytes in
            var scanner = JSONScanner(bytes)
            do throws(JSONScanner.Malformed) {
                scanner.skipSpace()
                try scanner.skipValue()
                try scanner.end()
                return true
            } catch {
                return false
            }
        }
        return isValid ? indented(json) : nil
    }

    private static func indented(_ json: [UInt8]) -> String {
        var out: [UInt8] = []
        var depth = 0
        var isInString = false
        var isEscaped = false
        func newLine() { out += [UInt8(ascii: "\n")] + [UInt8](repeating: UInt8(ascii: " "), count: 2 * depth) }
        for byte in json {
            if isInString {
                out.append(byte)
                isInString = isEscaped || byte != UInt8(ascii: "\"")
                isEscaped = !isEscaped && byte == UInt8(ascii: "\\")
                continue
            }
            switch byte {
            case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "\t"): break
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                out.append(byte)
                depth += 1
                newLine()
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                if let last = out.lastIndex(where: { $0 > 32 }), out[last] == byte - 2 {
                    // Empty: 2 lies between the characters of a pair.
                    out.removeSubrange((last + 1)...)
                } else {
                    newLine()
                }
                out.append(byte)
            case UInt8(ascii: ","):
                out.append(byte)
                newLine()
            case UInt8(ascii: ":"): out += Array(": ".utf8)
            default:
                isInString = byte == UInt8(ascii: "\"")
                out.append(byte)
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}
