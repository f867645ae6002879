import FleetModel

/// The `allowed_updates` of getUpdates and setWebhook.
struct AllowedUpdates: Sendable {
    /// `nil`: an empty list was given, which means the default set.
    let kinds: Set<String>?

    /// `nil` when the parameter is absent, which leaves the set as it was.
    init?(_ parameters: Parameters) throws(APIError) {
        guard let json = parameters.json("allowed_updates") else { return nil }
        var names: Set<String> = []
        do throws(JSONScanner.Malformed) {
            try json.withUnsafeBufferPointer { (bytes) throws(JSONScanner.Malformed) in
                var scanner = JSONScanner(bytes)
                try scanner.array { (scanner) throws(JSONScanner.Malformed) in
                    let name = try scanner.string()
                    names.insert(scanner.text(name))
                }
                try scanner.end()
            }
        } catch {
            throw .badRequest("can't parse allowed updates: expected an Array of String")
        }
        kinds = names.isEmpty ? nil : names
    }

    /// The JSON of a set, for getWebhookInfo.
    static func write(_ kinds: Set<String>, to out: inout JSONWriter) {
        out.raw("[")
        for kind in kinds.sorted() {
            out.comma()
            out.text(kind)
        }
        out.raw("]")
    }
}
