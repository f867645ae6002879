import CPostgres

extension StoreError {
    /// The error a result carries. Message and constraint alone: the detail field quotes rows.
    init(_ result: OpaquePointer) {
        func field(_ code: Int32) -> String? {
            PQresultErrorField(result, code).map { String(cString: $0) }
        }
        guard let state = field(ResultField.sqlState) else {
            self.init(.unreachable, "the connection to the database was lost", outcomeUnknown: true)
            return
        }
        self.init(sqlState: state, message: field(ResultField.message) ?? "", constraint: field(ResultField.constraint))
    }

    init(sqlState state: String, message: String, constraint: String? = nil) {
        let text = "database: \(message) (\(state))"
        switch state {
        case "LF001": self.init(.fenced, "fenced: \(message)")
        case "LF002": self.init(.duplicateUpdates, "settled before: \(message)")
        case "23505" where constraint == "inbox_pkey":
            self.init(.duplicateUpdates, "settled before: an update has an inbox row already")
        case "23505" where constraint == "waiting_update":
            self.init(.duplicateUpdates, "waiting already: an update of the settlement has a row in table waiting")
        case "55P03": self.init(.lockTimeout, text)
        case "57014": self.init(.timeout, text)
        case "53100": self.init(.diskFull, "the database's disk is full: free space on its server (\(message))")
        case "53300": self.init(.tooManyConnections, "\(text); raise max_connections or start fewer processes")
        case "57P01", "57P02", "57P03", "57P05": self.init(.unreachable, text)
        case "42P01", "42703", "42883":
            self.init(.server(state), "\(text); is the schema up to date? run: fleetctl migrate up")
        case _ where state.hasPrefix("08"): self.init(.unreachable, text)
        case _ where state.hasPrefix("23"): self.init(.constraint(constraint ?? ""), text)
        case _ where state.hasPrefix("28"): self.init(.authentication, text)
        default: self.init(.server(state), text)
        }
    }

    /// A failed connect. libpq keeps no SQLSTATE of it, but writes it into the text at verbose verbosity:
    /// `FATAL:  28P01: password authentication failed …`.
    static func connecting(to endpoint: String, libpq text: String) -> StoreError {
        let lines = text.split(separator: "\n").filter { !$0.hasPrefix("LOCATION:") }
        let line = lines.last { $0.contains("FATAL:") || $0.contains("ERROR:") } ?? lines.first ?? "no reason given"
        let parts = line.split(separator: ":").map { $0.drop { $0 == " " } }
        let index = parts.firstIndex {
            $0.utf8.count == 5 && $0.utf8.allSatisfy(isStateByte) && $0.contains(where: \.isNumber)
        }
        guard let index else {
            return StoreError(.unreachable, "cannot connect to PostgreSQL at \(endpoint): \(line)")
        }
        let reason = parts[(index + 1)...].joined(separator: ": ")
        let mapped = StoreError(sqlState: String(parts[index]), message: reason)
        let help = mapped.code == .authentication ? "; check user and password of the database URL" : ""
        return StoreError(
            mapped.code, "cannot connect to PostgreSQL at \(endpoint): \(reason) (\(parts[index]))\(help)")
    }

    private static func isStateByte(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
    }
}

/// `PG_DIAG_*` (libpq's postgres_ext.h): macros of characters, which Swift does not import as integers.
private enum ResultField {
    static let sqlState = Int32(UInt8(ascii: "C"))
    static let message = Int32(UInt8(ascii: "M"))
    static let constraint = Int32(UInt8(ascii: "n"))
}
