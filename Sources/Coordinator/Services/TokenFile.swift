import FleetModel
import Store

/// The operator's bearer token: made at the first start, kept in a file for its owner alone, known to the database by
/// its hash.
enum TokenFile {
    /// After this the file's token is valid.
    static func prepare(_ path: String, database: Database) async throws {
        if let token = read(path) {
            // Known already, unless the database is a new one.
            if try await database.verifyAPIToken(token) == nil {
                try await database.addAPIToken(token, name: "operator", role: "admin")
            }
            return
        }
        let token = try await database.createAPIToken(name: "operator", role: "admin")
        if let slash = path.lastIndex(of: "/"), slash != path.startIndex {
            try SmallFile.makeDirectory(String(path[..<slash]))
        }
        try SmallFile.writePrivate(Array((token.reveal() + "\n").utf8), to: path)
    }

    /// `nil` when there is none, or an empty one.
    private static func read(_ path: String) -> Secret? {
        guard let bytes = SmallFile.read(path, limit: 4096) else { return nil }
        let token = String(decoding: bytes.filter { $0 > 32 && $0 < 127 }, as: UTF8.self)
        return token.isEmpty ? nil : Secret(token)
    }
}
