/// Asks a PostgreSQL server whether it takes connections.
///
/// The first message of a connection names user and database; a server that is up answers with a request to
/// authenticate, one that is starting with error 57P03. PostgreSQL documentation, "Message Flow: Start-up".
enum PostgresHandshake {
    static func probe(port: UInt16, user: String, database: String) -> Readiness {
        guard let socket = LoopbackSocket(port: port, limit: .seconds(2)) else { return .notYet }
        guard socket.send(startup(user: user, database: database)), let head = try? socket.receive(5) else {
            return .notYet
        }
        if head[0] == UInt8(ascii: "R") { return .ready }
        let size = head[1...4].reduce(0) { $0 << 8 | Int($1) } - 4
        guard head[0] == UInt8(ascii: "E"), (0..<65_536).contains(size), let body = try? socket.receive(size) else {
            return .refused("something else than PostgreSQL listens on port \(port)")
        }
        let fields = errorFields(body)
        return fields["C"] == "57P03" ? .notYet : .refused(fields["M"] ?? "an error without a text")
    }

    static func startup(user: String, database: String) -> [UInt8] {
        let body = bytes(196_608) + Array("user\0\(user)\0database\0\(database)\0\0".utf8)
        return bytes(UInt32(body.count + 4)) + body
    }

    /// The fields of an ErrorResponse by their type: a letter and a zero-terminated text each.
    static func errorFields(_ body: [UInt8]) -> [Character: String] {
        var fields: [Character: String] = [:]
        for field in body.split(separator: 0) {
            guard let type = field.first else { continue }
            fields[Character(UnicodeScalar(type))] = String(decoding: field.dropFirst(), as: UTF8.self)
        }
        return fields
    }

    private static func bytes(_ value: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) }
    }
}
