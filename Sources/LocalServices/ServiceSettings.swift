import Glibc

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Ports and credentials of a home's servers: made up once, then remembered in `services.json` (mode 0600).
struct ServiceSettings: Codable, Equatable {
    /// Where the servers' data lies: the home itself, unless their users cannot enter it.
    var dataRoot: String
    var postgres: Postgres
    var rabbitmq: RabbitMQ

    struct Postgres: Codable, Equatable {
        var port: UInt16
        var user = "fleet"
        var database = "fleet"
        var password: String
    }

    struct RabbitMQ: Codable, Equatable {
        var port: UInt16
        /// Distribution of Erlang nodes, and the name server of that: needed by rabbitmqctl.
        var distributionPort: UInt16
        var epmdPort: UInt16
        var node: String
        var user = "fleet"
        var password: String
        var cookie: String
    }

    init(dataRoot: String) throws(ServiceError) {
        var taken: Set<UInt16> = []
        func port() throws(ServiceError) -> UInt16 {
            let port = try LoopbackPort.free(except: taken)
            taken.insert(port)
            return port
        }
        self.dataRoot = dataRoot
        postgres = Postgres(port: try port(), password: Self.random(bytes: 16))
        rabbitmq = RabbitMQ(
            port: try port(),
            distributionPort: try port(),
            epmdPort: try port(),
            node: "fleet-\(Self.random(bytes: 4))@localhost",
            password: Self.random(bytes: 16),
            cookie: Self.random(bytes: 16)
        )
    }

    /// Other ports for the servers; credentials stay.
    mutating func chooseNewPorts() throws(ServiceError) {
        let fresh = try ServiceSettings(dataRoot: dataRoot)
        postgres.port = fresh.postgres.port
        rabbitmq.port = fresh.rabbitmq.port
        rabbitmq.distributionPort = fresh.rabbitmq.distributionPort
        rabbitmq.epmdPort = fresh.rabbitmq.epmdPort
    }

    /// Lower-case hexadecimal from the system's generator: safe in URLs, config files and shells without quoting.
    static func random(bytes count: Int) -> String {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in
            let digits = String(UInt8.random(in: .min ... .max, using: &generator), radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
    }

    /// What `path` holds; `nil` when there is no such file.
    static func load(_ path: String) throws(ServiceError) -> ServiceSettings? {
        guard let text = TextFile.read(path) else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw ServiceError(
                .system,
                path,
                "cannot be read: \(systemText())",
                advice: "run as the user that made it, or choose another home with --home"
            )
        }
        do {
            return try JSONDecoder().decode(ServiceSettings.self, from: Data(text.utf8))
        } catch {
            throw ServiceError(
                .damaged,
                path,
                "does not hold what this version writes",
                advice: "drop the servers and their data with `fleetctl services remove`, or choose another with --home"
            )
        }
    }

    func save(_ path: String) throws(ServiceError) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        guard let data = try? encoder.encode(self) else {
            throw ServiceError(.system, path, "cannot be encoded", advice: "report this as a bug")
        }
        try TextFile.write(path, String(decoding: data, as: UTF8.self) + "\n")
    }
}
