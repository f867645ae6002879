import FleetModel

/// What a new bot, or a change of one, must fulfil.
enum BotAdmission {
    /// Returns its token.
    /// - Parameter behaviours: names that the fleet's workers know besides the shipped ones.
    static func check(_ request: AddBotRequest, behaviours: [String] = []) throws(APIFailure) -> Secret {
        let spec = request.spec
        guard (ShippedBehaviour.names + behaviours).contains(spec.behaviour) else {
            let names = (ShippedBehaviour.names + behaviours).joined(separator: ", ")
            throw .badRequest("there is no behaviour '\(spec.behaviour)'; valid are: \(names)")
        }
        try check(count: spec.lanes, "lanes")
        try check(count: spec.workers, "workers")
        for (key, value) in spec.labels where !isLabel(key) || !isLabel(value) {
            throw .badRequest("label '\(key)=\(value)': key and value need 1 to 63 of a-z A-Z 0-9 _ - .")
        }
        if let url = spec.apiURL, !url.hasPrefix("http://"), !url.hasPrefix("https://") {
            throw .badRequest("apiURL: expected a URL with http or https")
        }
        return try token(request.token)
    }

    static func check(_ change: BotChange) throws(APIFailure) {
        if change.isEmpty { throw .badRequest("nothing to change; give lanes, workers or intake") }
        if let lanes = change.lanes { try check(count: lanes, "lanes") }
        if let workers = change.workers { try check(count: workers, "workers") }
    }

    private static func check(count: Int, _ name: String) throws(APIFailure) {
        guard BotSpec.counts.contains(count) else {
            throw .badRequest("\(name): expected 1 to \(BotSpec.counts.upperBound), got \(count)")
        }
    }

    /// `<user id>:<secret>`, as BotFather gives it; white space around it is dropped.
    static func token(_ text: String) throws(APIFailure) -> Secret {
        let trimmed = text.utf8.drop { $0 <= 32 }.reversed().drop { $0 <= 32 }.reversed()
        let token = String(decoding: Array(trimmed), as: UTF8.self)
        let parts = token.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].utf8.allSatisfy({ (48...57).contains($0) }), Int64(parts[0]) != nil,
            (1...128).contains(parts[1].utf8.count), parts[1].utf8.allSatisfy(isTokenByte)
        else { throw .badRequest("token: expected NUMBER:SECRET as BotFather gives it") }
        return Secret(token)
    }

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        isAlphanumeric(byte) || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
    }

    private static func isLabel(_ text: String) -> Bool {
        (1...63).contains(text.utf8.count) && text.utf8.allSatisfy { isTokenByte($0) || $0 == UInt8(ascii: ".") }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122: true
        default: false
        }
    }
}
