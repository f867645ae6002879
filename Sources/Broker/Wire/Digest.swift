/// Recognises a returned publication among those that are out: 64 bits over what the broker sends back unchanged. Not
/// against an adversary.
enum Digest {
    static func of(
        exchange: String,
        routingKey: String,
        messageID: String?,
        correlationID: String?,
        body: [UInt8]
    ) -> UInt64 {
        var hash: UInt64 = 0x9E37_79B9_7F4A_7C15
        mix(&hash, exchange)
        mix(&hash, routingKey)
        mix(&hash, messageID ?? "")
        mix(&hash, correlationID ?? "")
        body.withUnsafeBytes { mix(&hash, $0) }
        // 0 stands for publications that cannot come back.
        return max(hash, 1)
    }

    private static func mix(_ hash: inout UInt64, _ text: String) {
        var text = text
        text.withUTF8 { mix(&hash, UnsafeRawBufferPointer($0)) }
    }

    /// Folded multiplication, eight bytes at a time.
    private static func mix(_ hash: inout UInt64, _ bytes: UnsafeRawBufferPointer) {
        fold(&hash, UInt64(bytes.count))
        var position = 0
        while position + 8 <= bytes.count {
            fold(&hash, bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
            position += 8
        }
        var rest: UInt64 = 0
        while position < bytes.count {
            rest = rest << 8 | UInt64(bytes[position])
            position += 1
        }
        fold(&hash, rest)
    }

    private static func fold(_ hash: inout UInt64, _ word: UInt64) {
        let product = (hash ^ word ^ 0xA076_1D64_78BD_642F).multipliedFullWidth(by: 0xE703_7ED1_A0B4_28DB)
        hash = product.high ^ product.low ^ hash.rotated
    }
}

extension UInt64 {
    fileprivate var rotated: UInt64 { self << 23 | self >> 41 }
}
