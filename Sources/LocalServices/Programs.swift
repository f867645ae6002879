import Glibc

/// Where the servers' programs are, as Debian's and Ubuntu's packages put them.
public struct Programs: Sendable {
    /// Holds a directory for each installed version of PostgreSQL.
    public var postgresVersions = "/usr/lib/postgresql"
    public var rabbitmq = "/usr/lib/rabbitmq/bin"
    public var epmd = "/usr/bin/epmd"

    public init() {}

    /// The `bin` directory of PostgreSQL: of version `wanted` when data of that version exists, else the newest.
    func postgresBin(version wanted: Int?) throws(ServiceError) -> String {
        let versions = Directory.entries(postgresVersions).compactMap { Int($0) }
            .filter { access("\(postgresVersions)/\($0)/bin/postgres", X_OK) == 0 }
        guard let newest = versions.max() else {
            throw ServiceError(
                .missingBinary,
                "PostgreSQL",
                "no server found below \(postgresVersions)",
                advice: "apt-get install postgresql, or name a running one in FLEET_DATABASE_URL"
            )
        }
        guard let wanted else { return "\(postgresVersions)/\(newest)/bin" }
        guard versions.contains(wanted) else {
            throw ServiceError(
                .missingBinary,
                "PostgreSQL",
                "the data in this home is of version \(wanted), installed is \(newest)",
                advice: "apt-get install postgresql-\(wanted), or drop the data with `fleetctl services remove`"
            )
        }
        return "\(postgresVersions)/\(wanted)/bin"
    }

    func rabbitmqServer() throws(ServiceError) -> String {
        let path = "\(rabbitmq)/rabbitmq-server"
        guard access(path, X_OK) == 0, access(epmd, X_OK) == 0 else {
            throw ServiceError(
                .missingBinary,
                "RabbitMQ",
                "no server found at \(path)",
                advice: "apt-get install rabbitmq-server, or name a running one in FLEET_AMQP_URL"
            )
        }
        return path
    }
}
