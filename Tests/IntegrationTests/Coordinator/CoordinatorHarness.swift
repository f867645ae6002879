import Broker
import Coordinator
import FleetModel
import FleetTesting
import Foundation
import Store
import Testing

/// A coordinator in this process, with a vhost, a schema and a state directory of its own.
final class CoordinatorHarness: Sendable {
    let broker: TestBroker
    let database: Database
    let directory: String

    private init(broker: TestBroker, database: Database) throws {
        self.broker = broker
        self.database = database
        directory = "/tmp/fleet-coordinator-\(UInt64.random(in: .min ... .max))"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    static func with(_ body: @Sendable (CoordinatorHarness) async throws -> Void) async throws {
        try await withTestBroker { broker in
            try #require(
                broker.hasOwnVhost, "these tests need FLEET_RABBITMQCTL: the fleet's exchanges have fixed names")
            try await TestDatabase.with { database in
                try await body(try CoordinatorHarness(broker: broker, database: database))
            }
        }
    }

    var tokenFile: String { "\(directory)/api-token" }

    func configuration(supervised worker: String? = nil) -> CoordinatorConfiguration {
        var configuration = CoordinatorConfiguration(
            broker: broker.configuration,
            store: database.configuration,
            keyFile: "\(directory)/key",
            tokenFile: tokenFile,
            stateDirectory: "\(directory)/state"
        )
        configuration.port = 0
        configuration.startupTimeout = .seconds(5)
        // Nobody listens there: Telegram is out of reach.
        configuration.telegramAPI = "http://127.0.0.1:9"
        if let worker {
            configuration.supervision = CoordinatorConfiguration.Supervision(workerBinary: worker, gatewayBinary: nil)
        }
        return configuration
    }

    /// Runs a coordinator while `body` does, then shuts it down.
    /// - Parameter leavingWorkers: its supervised processes go on.
    func run(
        _ configuration: CoordinatorConfiguration,
        leavingWorkers: Bool = false,
        _ body: (APIClient) async throws -> Void
    ) async throws {
        let (ports, port) = AsyncStream.makeStream(of: Int.self)
        let running = Task {
            defer { port.finish() }
            try await Coordinator.run(configuration, logger: TestBroker.logger) { port.yield($0) }
        }
        guard let number = await ports.first(where: { _ in true }) else { return try await running.value }
        let client = try APIClient(port: number, tokenFile: tokenFile)
        do {
            try await client.untilHealthy()
            try await body(client)
        } catch {
            _ = try? await client.post("/v1/shutdown", ShutdownRequest(workers: true))
            try? await running.value
            throw error
        }
        _ = try await client.post("/v1/shutdown", ShutdownRequest(workers: !leavingWorkers))
        try await running.value
        await client.close()
    }

    /// A program that is there and does nothing, in the worker's stead.
    func standIn() throws -> String {
        let path = "\(directory)/stand-in"
        try Data("#!/bin/sh\nexec /bin/sleep 600\n".utf8).write(to: URL(fileURLWithPath: path))
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
        return path
    }
}
