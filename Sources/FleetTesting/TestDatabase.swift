import FleetModel
import Glibc
import Logging
import Store

/// Databases for tests: each in a schema of its own on the server named by `FLEET_DATABASE_URL`.
public enum TestDatabase {
    /// The URL and a fresh schema's name. The schema is not made yet.
    /// - Parameter url: another server than the environment's.
    public static func configuration(url: String? = nil, schema: String? = nil) throws -> StoreConfiguration {
        guard let url = url ?? getenv("FLEET_DATABASE_URL").map({ String(cString: $0) }), !url.isEmpty else {
            throw MissingServer(variable: "FLEET_DATABASE_URL")
        }
        var configuration = try StoreConfiguration(url: url)
        configuration.schema = schema ?? "test_\(Incarnation())"
        configuration.applicationName = "fleet-tests"
        return configuration
    }

    /// Runs `body` with a migrated database in a fresh schema, which is dropped afterwards.
    /// - Parameter migrated: `false` leaves the schema empty.
    public static func with<Value>(
        url: String? = nil,
        migrated: Bool = true,
        configure: (inout StoreConfiguration) -> Void = { _ in },
        _ body: (Database) async throws -> Value
    ) async throws -> Value {
        var configuration = try configuration(url: url)
        configure(&configuration)
        let schema = configuration.schema ?? "public"
        let logger = Logger(label: "test.database")
        let database = try Database(configuration, logger: logger)
        let result: Result<Value, any Error>
        do {
            _ = try await database.query(Statement("", "CREATE SCHEMA \"\(schema)\""))
            if migrated { try await Migrator(database).up() }
            result = .success(try await body(database))
        } catch {
            result = .failure(error)
        }
        await database.shutdown()
        // A connection of its own: the test may have used up, broken or shut down the others.
        let cleaner = try Database(try Self.configuration(url: url, schema: "public"), logger: logger)
        _ = try? await cleaner.query(Statement("", "DROP SCHEMA IF EXISTS \"\(schema)\" CASCADE"))
        await cleaner.shutdown()
        return try result.get()
    }

    /// Adds a bot without a token, as most tests need it.
    public static func addBot(_ database: Database, _ id: BotID, lanes: Int = 1) async throws {
        let vault = try TokenVault(key: [UInt8](repeating: 7, count: 32))
        try await database.addBot(BotSpec(id: id, behaviour: "echo", lanes: lanes), token: nil, vault: vault)
    }
}

/// A server that tests need is not named in the environment.
public struct MissingServer: Error, CustomStringConvertible {
    public let variable: String
    public init(variable: String) { self.variable = variable }
    public var description: String { "\(variable) is not set; tests against servers need it" }
}
