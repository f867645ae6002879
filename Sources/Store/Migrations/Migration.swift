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

    /// `0001_fleet`
    public var label: String { MigrationStatus(number: number, name: name, state: .pending).label }

    /// Number and name become part of SQL, and of a file's name.
    func check() throws(StoreError) {
        let letters = name.utf8.allSatisfy {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                || $0 == UInt8(ascii: "_")
        }
        guard number > 0, number <= 9999, letters, !name.isEmpty else {
            throw StoreError(.migration, "migration \(number) needs a number of 1 to 9999 and a name of a-z, 0-9 and _")
        }
    }

    /// Whether the file's first line asks to run outside a transaction (`CREATE INDEX CONCURRENTLY`).
    static func runsInTransaction(_ sql: String) -> Bool {
        // By bytes: to Swift, a carriage return and its line feed are one character.
        let line = sql.utf8.prefix { $0 != UInt8(ascii: "\n") }.filter { $0 > 0x20 }
        return line != Array("--no-transaction".utf8)
    }
}
