import FleetModel

/// Repeats what it is told behind a greeting, and counts. The count is the chat's session: `{"count":3}`.
public struct EchoBehaviour: Behaviour {
    public static let name = "echo"

    public init() {}

    public func handle(_ update: UpdateEnvelope, _ context: inout Context) async throws {
        guard update.kind == .message || update.kind == .channelPost else { return }
        let count = Self.count(in: context.session) + 1
        var session: [UInt8] = []
        session.reserveCapacity(24)
        JSONText.append(raw: "{\"count\":", to: &session)
        JSONText.append(count, to: &session)
        JSONText.append(raw: "}", to: &session)
        context.session = session
        context.reply("\(context.config.text("greeting")) \(update.text ?? "")")
    }

    /// 0 when there is no session, or it is another behaviour's.
    static func count(in session: [UInt8]?) -> Int64 {
        guard let session else { return 0 }
        var count: Int64 = 0
        try? session.withUnsafeBufferPointer { bytes in
            var scanner = JSONScanner(bytes)
            try scanner.object { (key, scanner) throws(JSONScanner.Malformed) in
                if scanner.matches(key, "count") { count = try scanner.integer() } else { try scanner.skipValue() }
            }
        }
        return count
    }
}
