import Foundation
import LocalServices

/// A RabbitMQ and a PostgreSQL of the test's own, for tests that stop and restart them.
public final class PrivateServers: Sendable {
    private let services: LocalServices
    private let home: String
    public let amqpURL: String
    public let databaseURL: String

    private init(_ services: LocalServices, home: String, amqpURL: String, databaseURL: String) {
        self.services = services
        self.home = home
        self.amqpURL = amqpURL
        self.databaseURL = databaseURL
    }

    /// Starts both, runs `body`, removes both.
    public static func with(_ body: (PrivateServers) async throws -> Void) async throws {
        let home = FileManager.default.temporaryDirectory.appendingPathComponent(
            "servers-\(UInt32.random(in: 0 ... .max))"
        ).path
        let services = LocalServices(home: ServiceHome(home))
        let endpoints = try await blocking { try services.start() }
        guard let amqpURL = endpoints.amqpURL, let databaseURL = endpoints.databaseURL else {
            throw MissingServer(variable: "private servers")
        }
        let servers = PrivateServers(services, home: home, amqpURL: amqpURL, databaseURL: databaseURL)
        let result: Result<Void, any Error>
        do { result = .success(try await body(servers)) } catch { result = .failure(error) }
        try await blocking { try services.remove() }
        try? FileManager.default.removeItem(atPath: home)
        try result.get()
    }

    public func stop(_ service: LocalServices.Service) async throws {
        try await Self.blocking { [services] in try services.stop([service]) }
    }

    public func start(_ service: LocalServices.Service) async throws {
        _ = try await Self.blocking { [services] in try services.start([service]) }
    }

    public func restart(_ service: LocalServices.Service) async throws {
        try await stop(service)
        try await start(service)
    }

    /// The calls of LocalServices block for seconds: they get a thread of their own.
    private static func blocking<Value: Sendable>(
        _ body: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { continuation.resume(with: Result(catching: body)) }
        }
    }
}
