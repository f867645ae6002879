import TelegramSimulation

/// What a request line asks for.
enum RequestTarget: Equatable {
    /// `/bot<token>/<method>`. Bot API, "Making requests".
    case call(token: String, method: String)
    /// `/sim/…`, its segments.
    case control([String])
    case unknown

    /// Splits a request target into what it asks for and its query.
    static func read(_ target: String) -> (RequestTarget, query: Substring.UTF8View) {
        let bytes = target.utf8
        let end = bytes.firstIndex(of: UInt8(ascii: "?")) ?? bytes.endIndex
        let path = target[..<end]
        let query = end == bytes.endIndex ? path[end...].utf8 : target[bytes.index(after: end)...].utf8
        if path.hasPrefix("/bot") {
            let rest = path.utf8.dropFirst(4)
            guard let slash = rest.lastIndex(of: UInt8(ascii: "/")) else { return (.unknown, query) }
            let token = plain(path[rest.startIndex..<slash])
            return (.call(token: token, method: String(path[rest.index(after: slash)...])), query)
        }
        var segments = path.split(separator: "/").map(plain)
        guard segments.first == "sim" else { return (.unknown, query) }
        segments.removeFirst()
        return (.control(segments), query)
    }

    /// Some clients write the colon of a token as %3A.
    private static func plain(_ text: Substring) -> String {
        text.utf8.contains(UInt8(ascii: "%")) ? Parameters.decode(text.utf8) : String(text)
    }
}

extension Parameters {
    /// Reads the parameters of a call from its query and its body.
    init(query: Substring.UTF8View, contentType: String?, body: [UInt8]) throws(APIError) {
        self.init()
        if !query.isEmpty { add(form: query) }
        if body.isEmpty { return }
        if let contentType, let boundary = Self.boundary(of: contentType) {
            try add(multipart: body, boundary: boundary)
        } else if contentType?.lowercased().hasPrefix("application/x-www-form-urlencoded") == true {
            add(form: body)
        } else {
            // application/json, or a client that names no type.
            try add(json: body)
        }
    }
}
