import Broker
import Foundation
import Logging
import Synchronization

/// A corner of the RabbitMQ of `FLEET_AMQP_URL` that belongs to one test alone.
///
/// With `FLEET_RABBITMQCTL` (the path of `rabbitmqctl`, or of a script that calls it with the right node and cookie) that
/// is a fresh vhost, deleted at the end. Without it the URL's own vhost is shared: then use ``name(_:)`` for queues and
/// exchanges, which are deleted at the end; fixed names such as the fleet's exchanges are shared with other tests.
public final class TestBroker: Sendable {
    public let configuration: BrokerConfiguration
    /// For child processes. Holds the password.
    public let url: String
    /// True if no other test sees this vhost.
    public let hasOwnVhost: Bool
    private let prefix: String
    private let control: String?
    private let names = Mutex<[String]>([])

    private init(configuration: BrokerConfiguration, hasOwnVhost: Bool, prefix: String, control: String?) {
        self.configuration = configuration
        self.hasOwnVhost = hasOwnVhost
        self.prefix = prefix
        self.control = control
        let user = Self.encode(configuration.user)
        let login = "\(user):\(Self.encode(configuration.revealPassword()))"
        let scheme = configuration.tls ? "amqps" : "amqp"
        url = "\(scheme)://\(login)@\(configuration.host):\(configuration.port)/\(Self.encode(configuration.vhost))"
    }

    public static func start(name: String = "test") async throws -> TestBroker {
        let environment = ProcessInfo.processInfo.environment
        guard let url = environment["FLEET_AMQP_URL"], !url.isEmpty else {
            throw MissingServer(variable: "FLEET_AMQP_URL")
        }
        var configuration = try BrokerConfiguration(url: url, name: name)
        let prefix = "t\(UInt64.random(in: 0...UInt64.max))"
        guard let control = environment["FLEET_RABBITMQCTL"], !control.isEmpty else {
            return TestBroker(configuration: configuration, hasOwnVhost: false, prefix: prefix, control: nil)
        }
        try await run(control, ["add_vhost", prefix])
        try await run(control, ["set_permissions", "-p", prefix, configuration.user, ".*", ".*", ".*"])
        configuration.vhost = prefix
        return TestBroker(configuration: configuration, hasOwnVhost: true, prefix: prefix, control: control)
    }

    /// A name for a queue or an exchange that no other test uses.
    public func name(_ base: String) -> String {
        let name = hasOwnVhost ? base : "\(prefix).\(base)"
        names.withLock { $0.append(name) }
        return name
    }

    public func connect(
        _ change: (inout BrokerConfiguration) -> Void = { _ in }
    ) async throws(BrokerError) -> BrokerConnection {
        var configuration = configuration
        change(&configuration)
        return try await BrokerConnection.open(configuration, logger: Self.logger)
    }

    /// Silent, unless `FLEET_LOG_LEVEL` is set.
    public static let logger: Logger = {
        guard let level = ProcessInfo.processInfo.environment["FLEET_LOG_LEVEL"].flatMap(Logger.Level.init(rawValue:))
        else { return Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
        var logger = Logger(label: "test") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = level
        return logger
    }()

    /// Runs `rabbitmqctl` for what AMQP cannot do; only with `FLEET_RABBITMQCTL`.
    public func control(_ arguments: [String]) async throws {
        guard let control else {
            throw MissingServer(variable: "FLEET_RABBITMQCTL")
        }
        try await Self.run(control, arguments)
    }

    /// Deletes what the test made.
    public func stop() async {
        if hasOwnVhost, let control {
            try? await Self.run(control, ["delete_vhost", prefix])
            return
        }
        guard let connection = try? await connect(), let channel = try? await connection.openChannel() else { return }
        for name in names.withLock({ $0 }) {
            _ = try? await channel.deleteQueue(name)
            try? await channel.deleteExchange(name)
        }
        await connection.close()
    }

    private static func run(_ path: String, _ arguments: [String]) async throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        let status: Int32 = try await withCheckedThrowingContinuation { continuation in
            process.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
            do { try process.run() } catch { continuation.resume(throwing: error) }
        }
        guard status == 0 else { throw ControlFailed(command: arguments[0], status: status) }
    }

    private static func encode(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? text
    }

    struct ControlFailed: Error, CustomStringConvertible {
        let command: String
        let status: Int32
        var description: String { "rabbitmqctl \(command) failed with status \(status); check FLEET_RABBITMQCTL" }
    }
}

/// Gives `body` a ``TestBroker`` and cleans up behind it, however it ends.
public func withTestBroker<Result>(
    name: String = "test",
    _ body: (TestBroker) async throws -> Result
) async throws -> Result {
    let broker = try await TestBroker.start(name: name)
    do {
        let result = try await body(broker)
        await broker.stop()
        return result
    } catch {
        await broker.stop()
        throw error
    }
}
