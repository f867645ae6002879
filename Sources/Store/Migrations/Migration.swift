import Crypto

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// One numbered step of the schema: `NNNN_name.up.sql` and `NNNN_name.down.sql`.
public struct Migration: Sendable, Equatable {
    public let number: Int
    public let name: String
    public let up: String
    public let down: String
    /// SHA-256 of the up file, in hexadecimal.
    public let checksum: String

    public init(number: Int, name: String, up: String, down: String) {
        self.number = number
        self.name = name
        self.up = up
        self.down = down
        checksum = SHA256.hash(data: Data(up.utf8)).hexadecimal
    }

    /// Whether the file's first line asks to run outside a transaction (`CREATE INDEX CONCURRENTLY`).
    static func runsInTransaction(_ sql: String) -> Bool {
        sql.split(separator: "\n", maxSplits: 1).first.map { $0.filter { $0 != " " && $0 != "\r" } }
            != "--no-transaction"
    }
}
