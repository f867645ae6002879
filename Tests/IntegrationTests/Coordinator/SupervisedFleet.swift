import Broker
import FleetControl
import FleetModel
import FleetTesting
import Foundation
import Logging
import Store
import Testing

/// A coordinator that is a real process and supervises real workers of one bot, on a vhost and a schema of its own.
/// Updates are put into the intake by hand; the simulator takes the answers.
struct SupervisedFleet: Sendable {
    let fixture: WorkerFixture
    private let directory: String

    struct NotStarted: Error, CustomStringConvertible {
        let description: String
    }

    static func with(_ body: @Sendable (SupervisedFleet) async throws -> Void) async throws {
        try await withTestBroker { broker in
            try #require(broker.hasOwnVhost, "this needs FLEET_RABBITMQCTL: the fleet's exchanges have fixed names")
            let directory = "/tmp/fleet-supervised-\(Incarnation())"
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
            defer { try? FileManager.default.removeItem(atPath: directory) }
            try await TestDatabase.with { database in
                let fleet = SupervisedFleet(
                    fixture: try await fixture(broker, database, keyFile: "\(directory)/key"), directory: directory)
                let result: Result<Void, any Error>
                do { result = .success(try await body(fleet)) } catch { result = .failure(error) }
                if case .failure = result { try? await fleet.killWorkers() }
                await fleet.fixture.link.close()
                try result.get()
            }
        }
    }

    private static func fixture(
        _ broker: TestBroker, _ database: Database, keyFile: String
    ) async throws -> WorkerFixture {
        let simulator = try await SimulatorProcess.start()
        let telegram = try await simulator.addBot()
        let bot = try #require(BotID("shop"))
        let spec = BotSpec(id: bot, behaviour: "echo")
        let vault = try TokenVault(file: keyFile, createIfMissing: true)
        try await database.addBot(spec, token: Secret(telegram.token), vault: vault)
        _ = try await database.commitConfig(
            ConfigChange(scope: .global, set: ["flood.limits": .bool(false)]), author: "test", reason: nil)
        let link = BrokerLink(configuration: broker.configuration, logger: Logger(label: "test"))
        try await link.connection().openChannel().declareIntake(of: spec)
        let url = try #require(ProcessInfo.processInfo.environment["FLEET_DATABASE_URL"])
        let schema = database.configuration.schema ?? "public"
        return WorkerFixture(
            bot: bot, spec: spec, database: database, simulator: simulator, telegram: telegram, link: link,
            environment: [
                "FLEET_AMQP_URL": broker.url,
                "FLEET_DATABASE_URL": url + (url.contains("?") ? "&" : "?") + "options=-csearch_path%3D\(schema)",
                "FLEET_KEY_FILE": keyFile, "FLEET_TELEGRAM_API": simulator.url, "FLEET_LOG_LEVEL": "info",
            ])
    }

    /// Starts a coordinator; one after another, not two at once. Workers go on when it is killed, and are adopted by the
    /// next.
    func startCoordinator() async throws -> (process: BuiltProcess, api: APIClient) {
        let process = try BuiltProcess(
            "fleet-coordinator",
            [
                "--listen", "127.0.0.1:0", "--supervise", "--gateways", "0", "--stop-children", "--state-dir",
                "\(directory)/state",
            ], environment: fixture.environment)
        guard await process.writes("port="),
            let port = process.stderr.components(separatedBy: "port=").dropFirst().first.flatMap({
                Int($0.prefix(while: \.isNumber))
            })
        else { throw NotStarted(description: "the coordinator did not start: \(process.stderr)") }
        let api = try APIClient(port: port, tokenFile: "\(directory)/state/api-token")
        try await api.untilHealthy()
        return (process, api)
    }

    /// Ends the coordinator with its workers, as an operator does.
    func stop(_ coordinator: BuiltProcess) async {
        coordinator.signal(SIGTERM)
        #expect(await coordinator.exit() == 0, "\(coordinator.stderr)")
    }

    /// What a failed test leaves behind; they are nobody's children any more.
    private func killWorkers() async throws {
        for row in try await fixture.database.workers() where row.state != .stopped { kill(row.pid, SIGKILL) }
    }

    /// Puts updates into the intake while `body` runs: `chats` chats, twenty updates every 50 ms.
    /// - Returns: how many there were.
    func underLoad(chats: Int64, _ body: () async throws -> Void) async throws -> Int64 {
        let load = Task {
            var next: Int64 = 1
            while !Task.isCancelled {
                try await fixture.inject(first: next, count: 20, chats: chats)
                next += 20
                try? await Task.sleep(for: .milliseconds(50))
            }
            return next - 1
        }
        do {
            try await body()
        } catch {
            load.cancel()
            throw error
        }
        load.cancel()
        return try await load.value
    }

    /// Waits until the bot has this layout and nothing of an earlier one is left.
    func opens(epoch: Int32, lanes: Int) async throws -> Bool {
        let wanted = LaneLayout(bot: fixture.bot, epoch: epoch, lanes: lanes)
        return try await eventually {
            guard try await fixture.database.laneLayout(of: fixture.bot) == wanted else { return false }
            return try await fixture.database.layoutChanges().isEmpty
        }
    }

    /// Waits until the lanes of the epoch are claimed by as many workers.
    func areOwned(epoch: Int32, lanes: Int, by workers: Int) async throws -> Bool {
        try await eventually {
            let rows = try await fixture.database.lanes(of: fixture.bot).filter {
                $0.key.epoch == epoch && $0.key.number >= 0
            }
            return rows.count == lanes && Set(rows.map(\.owner.name)).count == workers
        }
    }

    /// Waits until each lane is served by the worker it is assigned to.
    func areWithTheirOwners(_ api: APIClient) async throws -> Bool {
        try await eventually {
            let view = try await api.get("/v1/bots/\(fixture.bot)", BotView.self)
            let places = view.lanes?.places ?? []
            return !places.isEmpty && places.allSatisfy { $0.holder == $0.owner }
        }
    }
}
