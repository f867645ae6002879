import CPostgres

/// A connection string as libpq understands it, checked when it is made.
struct ConnectionString: Sendable {
    /// Keywords and values in libpq's names, password included: never shown.
    private let values: [String: String]

    init(_ text: String) throws(StoreError) {
        var error: UnsafeMutablePointer<CChar>?
        // A NUL would end the text early for libpq. Its own message is not passed on: it quotes parts of the text.
        guard !text.isEmpty, !text.utf8.contains(0), let options = PQconninfoParse(text, &error) else {
            PQfreemem(error)
            throw StoreError(
                .invalidConfiguration,
                "the database URL cannot be read; expected postgres://user:password@host:port/database"
            )
        }
        defer { PQconninfoFree(options) }
        var values: [String: String] = [:]
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val { values[String(cString: keyword)] = String(cString: value) }
            option += 1
        }
        self.values = values
    }

    var endpoint: String {
        let host = values["host"] ?? values["hostaddr"] ?? "local socket"
        let port = values["port"].map { ":\($0)" } ?? ""
        let database = values["dbname"].map { "/\($0)" } ?? ""
        return host + port + database
    }

    func value(_ keyword: String) -> String? { values[keyword] }

    /// What a connection is opened with: the text's own words before our defaults, and what must hold above both.
    func parameters(for configuration: StoreConfiguration) -> [String: String] {
        // Encrypted GSS negotiation costs a round trip and is hardly ever meant; a URL may ask for it.
        var all = [
            "gssencmode": "disable",
            "keepalives_idle": "30",
            "keepalives_interval": "10",
            "keepalives_count": "3",
            "tcp_user_timeout": "30000",
            "application_name": configuration.applicationName,
        ]
        all.merge(values) { _, own in own }
        all["client_encoding"] = "UTF8"
        guard !configuration.throughPooler else { return all }
        var options = values["options"] ?? ""
        let milliseconds = configuration.statementTimeout.wholeMilliseconds
        options += " -c statement_timeout=\(milliseconds)"
        if let schema = configuration.schema { options += " -c search_path=\(Self.escaped(schema))" }
        all["options"] = options
        return all
    }

    /// A quoted identifier inside `options`, where blanks and backslashes are escaped with a backslash (34.1.2).
    private static func escaped(_ schema: String) -> String {
        var out = "\""
        for character in schema {
            switch character {
            case "\"": out += "\"\""
            case " ", "\\": out += "\\\(character)"
            default: out.append(character)
            }
        }
        return out + "\""
    }
}

extension Duration {
    var wholeMilliseconds: Int64 {
        components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    }
}
