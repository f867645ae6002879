import FleetModel

/// The table that remembers every step up and down. Where a migration stands is what its newest row says.
enum MigrationHistory {
    struct Entry: Equatable {
        let number: Int
        let name: String
        let checksum: String
        let at: Timestamp
        let milliseconds: Int64
    }

    static let create = """
        CREATE TABLE IF NOT EXISTS migration_history (
            id          bigserial PRIMARY KEY,
            number      integer NOT NULL,
            name        text NOT NULL,
            direction   text NOT NULL CHECK (direction IN ('up', 'down')),
            checksum    text NOT NULL,
            at          timestamptz NOT NULL DEFAULT clock_timestamp(),
            duration_ms bigint NOT NULL
        )
        """

    static let exists = Statement("", "SELECT to_regclass('migration_history') IS NOT NULL")

    /// What is applied now, by number.
    static let applied = Statement(
        "",
        """
        SELECT number, name, checksum, at, duration_ms FROM (
            SELECT DISTINCT ON (number) * FROM migration_history ORDER BY number, id DESC
        ) AS newest WHERE direction = 'up' ORDER BY number
        """)

    static func entries(_ result: QueryResult) -> [Entry] {
        result.compactMap { row in
            guard let number = row.int(0), let name = row.text(1), let checksum = row.text(2),
                let at = row.timestamp(3), let milliseconds = row.int64(4)
            else { return nil }
            return Entry(number: number, name: name, checksum: checksum, at: at, milliseconds: milliseconds)
        }
    }

    /// - Parameter milliseconds: an SQL expression.
    static func insert(_ migration: Migration, direction: String, milliseconds: String) -> String {
        // Name and checksum hold nothing but letters, digits and underscores; `Migration` is checked for that.
        """
        INSERT INTO migration_history (number, name, direction, checksum, duration_ms)
        VALUES (\(migration.number), '\(migration.name)', '\(direction)', '\(migration.checksum)', \(milliseconds))
        """
    }
}
