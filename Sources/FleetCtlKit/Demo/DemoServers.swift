import Broker
import FleetModel
import LocalServices
import Logging
import Store

/// Lets the demo work on servers that are somebody else's without leaving anything there: a schema of its own in the
/// database, and its bots' queues deleted at the end. Its own servers need none of this.
public struct DemoServers: Sendable {
    private let given: ServiceEndpoints
    private let plan: DemoPlan
    private let caFile: String?
    /// The same for the same home, so that the next demo finds what one that was cut off has left.
    private let schema: String

    /// - Parameters:
    ///   - environment: the caller's; the servers it names are the ones to be careful with.
    ///   - home: the demo's.
    public init(environment: [String: String], plan: DemoPlan, home: ServiceHome) {
        given = ServiceEndpoints(environment: environment)
        caFile = environment["FLEET_AMQP_CA_FILE"].flatMap { $0.isEmpty ? nil : $0 }
        self.plan = plan
        schema = "fleet_demo_\(home.fingerprint)"
    }

    /// Makes the schema anew.
    /// - Throws: also when a fleet works on both servers already, because the demo's broadcast would reach its workers.
    public func prepare() async throws {
        guard let url = given.databaseURL else { return try await deleteQueues() }
        _ = try Self.url(url, schema: schema)
        try await withDatabase(url) { database in
            if given.amqpURL != nil, try await Self.count(of: "bot", database) > 0 {
                throw Fault(
                    "the servers of FLEET_DATABASE_URL and FLEET_AMQP_URL have bots already, which the demo would disturb; name others, or unset both"
                )
            }
            try await Self.run(["DROP SCHEMA IF EXISTS \(schema) CASCADE", "CREATE SCHEMA \(schema)"], database)
        }
        try await deleteQueues()
    }

    /// What the demo's processes work with: the schema is named in the database's URL.
    public func confined(_ endpoints: ServiceEndpoints) throws(Fault) -> ServiceEndpoints {
        guard let url = given.databaseURL else { return endpoints }
        var confined = endpoints
        confined.databaseURL = try Self.url(url, schema: schema)
        return confined
    }

    /// Removes schema and queues. The demo's processes must have ended.
    public func clean() async throws {
        if let url = given.databaseURL {
            try await withDatabase(url) { try await Self.run(["DROP SCHEMA IF EXISTS \(schema) CASCADE"], $0) }
        }
        try await deleteQueues()
    }

    /// `url` with a `search_path` of its own. PostgreSQL manual, 34.1.1 and 34.1.2, `options`.
    static func url(_ url: String, schema: String) throws(Fault) -> String {
        let isURL = url.hasPrefix("postgres://") || url.hasPrefix("postgresql://")
        guard !url.contains("options=") else {
            throw Fault("FLEET_DATABASE_URL names options of its own; the demo needs one without, or none at all")
        }
        if !isURL { return url + " options='-csearch_path=\(schema)'" }
        return url + (url.contains("?") ? "&" : "?") + "options=-csearch_path%3D\(schema)"
    }

    private func deleteQueues() async throws {
        guard let url = given.amqpURL else { return }
        var configuration = try BrokerConfiguration(url: url, name: "fleetctl demo")
        configuration.caFile = caFile ?? configuration.caFile
        let connection = try await BrokerConnection.open(configuration, logger: .quiet)
        do {
            let channel = try await connection.openChannel()
            for bot in (0..<plan.bots).compactMap(plan.botID) {
                try await channel.deleteQueue(FleetTopology.intakeQueue(of: bot))
                try await channel.deleteQueue(FleetTopology.brokerDeadQueue(of: bot))
            }
        } catch {
            await connection.close()
            throw error
        }
        await connection.close()
    }

    private func withDatabase(_ url: String, _ body: (Database) async throws -> Void) async throws {
        var configuration = try StoreConfiguration(url: url)
        configuration.applicationName = "fleetctl demo"
        let database = try Database(configuration, logger: .quiet)
        do {
            try await body(database)
        } catch {
            await database.shutdown()
            throw error
        }
        await database.shutdown()
    }

    /// Rows of a table; 0 when there is no such table.
    private static func count(of table: String, _ database: Database) async throws(StoreError) -> Int {
        let exists = Statement("", "SELECT to_regclass('\(table)') IS NOT NULL AND to_regclass('lane') IS NOT NULL")
        guard try await database.query(exists, idempotent: true).first?.bool(0) == true else { return 0 }
        return try await database.query(Statement("", "SELECT count(*) FROM \(table)"), idempotent: true).first?.int(0)
            ?? 0
    }

    private static func run(_ commands: [String], _ database: Database) async throws(StoreError) {
        for command in commands { _ = try await database.query(Statement("", command)) }
    }
}
