import FleetModel

/// Any JSON object that is to be an update. Its own `update_id`, if it has one, is replaced.
struct RawUpdate: Sendable {
    /// The object's members without `update_id`, and the closing brace.
    let content: [UInt8]
    /// The name of the first member that is an object; `"unknown"` without one.
    let kind: String
    let chat: Int64?
    let isGroup: Bool
    let user: Int64?
    let message: Int64?
    let text: String?
    let queryID: String?

    /// Reads the object the scanner stands before; `bytes` is what it scans.
    init(_ scanner: inout JSONScanner, _ bytes: UnsafeBufferPointer<UInt8>) throws(JSONScanner.Malformed) {
        var members: [UInt8] = []
        var kind: String?
        try scanner.object { (key, scanner) throws(JSONScanner.Malformed) in
            let value = scanner.offset
            if kind == nil, scanner.peek == UInt8(ascii: "{") { kind = scanner.text(key) }
            try scanner.skipValue()
            if scanner.matches(key, "update_id") { return }
            if !members.isEmpty { members.append(UInt8(ascii: ",")) }
            members.append(UInt8(ascii: "\""))
            members.append(contentsOf: bytes[key.range])
            JSONText.append(raw: "\":", to: &members)
            members.append(contentsOf: bytes[value..<scanner.offset])
        }
        self.kind = kind ?? "unknown"
        var probe = JSONWriter(reserving: members.count + 20)
        probe.raw("{\"update_id\":0")
        if members.isEmpty { JSONText.append(raw: "\"unknown\":null", to: &members) }
        probe.comma()
        probe.json(members)
        probe.raw("}")
        let envelope = try? UpdateEnvelope(body: probe.bytes)
        chat = envelope?.chat
        isGroup = envelope?.isGroup ?? false
        user = envelope?.user
        message = envelope?.message
        text = envelope?.text ?? envelope?.callbackData
        queryID = envelope?.kind == .callbackQuery ? envelope?.queryID : nil
        members.append(UInt8(ascii: "}"))
        content = members
    }

    /// One object or an array of them.
    static func list(_ body: [UInt8]) throws(APIError) -> [RawUpdate] {
        do throws(JSONScanner.Malformed) {
            return try body.withUnsafeBufferPointer { (bytes) throws(JSONScanner.Malformed) in
                var scanner = JSONScanner(bytes)
                var list: [RawUpdate] = []
                scanner.skipSpace()
                if scanner.peek == UInt8(ascii: "[") {
                    try scanner.array { (scanner) throws(JSONScanner.Malformed) in
                        list.append(try RawUpdate(&scanner, bytes))
                    }
                } else {
                    list.append(try RawUpdate(&scanner, bytes))
                }
                try scanner.end()
                return list
            }
        } catch {
            throw .badRequest("can't parse JSON: \(error)")
        }
    }
}
