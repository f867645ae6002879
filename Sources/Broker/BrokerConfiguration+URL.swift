extension BrokerConfiguration {
    /// `amqp://user:password@host:port/vhost` or `amqps://…`, parts percent-encoded as in
    /// https://www.rabbitmq.com/docs/uri-spec. User and password default to `guest`, the port to 5672 or 5671. A missing
    /// vhost and a lone `/` both mean the vhost `/`. Query parameters: `heartbeat` (s), `connection_timeout` (ms),
    /// `cacertfile`; others are refused, so that nobody relies on one that has no effect.
    public init(url: String, name: String) throws(BrokerError) {
        let tls: Bool
        var rest: Substring
        if let after = url.after("amqp://") {
            (tls, rest) = (false, after)
        } else if let after = url.after("amqps://") {
            (tls, rest) = (true, after)
        } else {
            throw .url("it must begin with amqp:// or amqps://")
        }

        var query: Substring = ""
        if let mark = rest.firstIndex(of: "?") {
            query = rest[rest.index(after: mark)...]
            rest = rest[..<mark]
        }
        var vhost = "/"
        if let slash = rest.firstIndex(of: "/") {
            let path = rest[rest.index(after: slash)...]
            if path.contains("/") { throw .url("a slash inside the vhost is written %2F") }
            if !path.isEmpty { vhost = try Self.decode(path, "the vhost") }
            rest = rest[..<slash]
        }
        var user = "guest"
        var password = "guest"
        if let at = rest.lastIndex(of: "@") {
            let login = rest[..<at]
            rest = rest[rest.index(after: at)...]
            if let colon = login.firstIndex(of: ":") {
                password = try Self.decode(login[login.index(after: colon)...], "the password")
                user = try Self.decode(login[..<colon], "the user name")
            } else {
                user = try Self.decode(login, "the user name")
            }
        }
        let (host, port) = try Self.hostAndPort(rest, defaultPort: tls ? 5671 : 5672)
        // The C library takes these as C strings: what follows a NUL would silently be lost.
        guard ![host, user, password, vhost].contains(where: { $0.utf8.contains(0) }) else {
            throw .url("it holds %00")
        }

        self.init(host: host, port: port, user: user, password: password, vhost: vhost, tls: tls, name: name)
        try apply(query: query)
    }

    private static func hostAndPort(_ text: Substring, defaultPort: Int) throws(BrokerError) -> (String, Int) {
        var host = text
        var portText: Substring?
        if text.first == "[" {
            guard let end = text.firstIndex(of: "]") else { throw .url("an IPv6 address is written [::1]") }
            host = text[text.index(after: text.startIndex)..<end]
            let after = text[text.index(after: end)...]
            if after.first == ":" {
                portText = after.dropFirst()
            } else if !after.isEmpty {
                throw .url("after ] only a port may follow")
            }
        } else if let colon = text.firstIndex(of: ":") {
            host = text[..<colon]
            portText = text[text.index(after: colon)...]
        }
        let decoded = try decode(host, "the host")
        guard !decoded.isEmpty else { throw .url("the host is missing") }
        guard let portText, !portText.isEmpty else { return (decoded, defaultPort) }
        guard let port = Int(portText), (1...65_535).contains(port) else { throw .url("the port must be 1 to 65535") }
        return (decoded, port)
    }

    private mutating func apply(query: Substring) throws(BrokerError) {
        for pair in query.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1)
            let key = String(parts[0])
            let value = try Self.decode(parts.count == 2 ? parts[1] : "", "a parameter")
            switch key {
            case "heartbeat":
                guard let seconds = Int(value), (1...3600).contains(seconds) else {
                    throw .url("heartbeat must be 1 to 3600 seconds")
                }
                heartbeat = .seconds(seconds)
            case "connection_timeout":
                guard let milliseconds = Int(value), (1...3_600_000).contains(milliseconds) else {
                    throw .url("connection_timeout must be 1 to 3600000 milliseconds")
                }
                connectTimeout = .milliseconds(milliseconds)
            case "cacertfile":
                caFile = value
            default:
                throw .url("it has a parameter that is not known; known are heartbeat, connection_timeout, cacertfile")
            }
        }
    }

    /// Percent-decoding, by bytes; the result must be UTF-8.
    private static func decode(_ text: Substring, _ part: String) throws(BrokerError) -> String {
        guard text.utf8.contains(UInt8(ascii: "%")) else { return String(text) }
        var bytes: [UInt8] = []
        var source = text.utf8.makeIterator()
        while let byte = source.next() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = source.next()?.hexDigit, let low = source.next()?.hexDigit else {
                throw .url("\(part) has a % that is not followed by two hex digits (a literal % is %25)")
            }
            bytes.append(high << 4 | low)
        }
        guard let decoded = String(validating: bytes, as: UTF8.self) else { throw .url("\(part) is not UTF-8") }
        return decoded
    }
}

extension BrokerError {
    fileprivate static func url(_ what: String) -> BrokerError {
        BrokerError(.invalidURL, "the AMQP URL cannot be used: \(what); expected amqp://user:password@host:port/vhost")
    }
}

extension String {
    fileprivate func after(_ prefix: String) -> Substring? { hasPrefix(prefix) ? dropFirst(prefix.count) : nil }
}

extension UInt8 {
    fileprivate var hexDigit: UInt8? {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
