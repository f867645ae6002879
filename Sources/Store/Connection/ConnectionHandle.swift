import CPostgres
import Glibc

/// Owns one `PGconn`. Not `Sendable`: libpq wants one thread at a time, and that is the loop's.
final class ConnectionHandle {
    let raw: OpaquePointer

    /// Starts to connect without blocking, but for the resolution of a host's name.
    init?(starting parameters: [String: String]) {
        var keywords: [UnsafeMutablePointer<CChar>?] = []
        var values: [UnsafeMutablePointer<CChar>?] = []
        for (keyword, value) in parameters {
            keywords.append(strdup(keyword))
            values.append(strdup(value))
        }
        defer {
            for text in keywords { free(text) }
            for text in values { free(text) }
        }
        let keys = keywords.map { UnsafePointer($0) } + [nil]
        let texts = values.map { UnsafePointer($0) } + [nil]
        guard let raw = PQconnectStartParams(keys, texts, 0) else { return nil }
        self.raw = raw
        // libpq would print notices to stderr.
        PQsetNoticeReceiver(raw, { _, _ in }, nil)
    }

    deinit { PQfinish(raw) }

    var descriptor: Int32 { PQsocket(raw) }
    var errorText: String { PQerrorMessage(raw).map { String(cString: $0) } ?? "" }
}
