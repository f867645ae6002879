import ArgumentParser
import FleetModel
import FleetTesting
import Foundation
import HTTPTransport

/// A config broadcast to many workers, each a process of its own; measured by the coordinator's tally.
struct Broadcast: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Time until the last worker answered a broadcast.")

    @OptionGroup var options: BenchOptions
    @Option var workers = 100
    @Option(help: "Broadcasts per run.")
    var broadcasts = 20

    func run() async throws {
        var measurement = Measurement("broadcast: one config change to \(workers) workers")
        for _ in 0..<options.runs {
            try await BenchFleet.with(bots: workers, config: [:]) { fleet, _ in
                let processes = try fleet.bots.map { try fleet.start(.worker, $0) }
                let coordinator = try await BenchCoordinator.start(fleet)
                try await coordinator.waitForWorkers(workers)
                var times: [Double] = []
                for round in 0..<broadcasts {
                    let tally = try await coordinator.broadcast(greeting: "round \(round)")
                    guard tally.rows.count == workers, tally.everyoneApplied else {
                        throw BenchError("\(tally.count(.applied)) of \(workers) applied; \(tally.rows.count) expected")
                    }
                    times.append(tally.milliseconds)
                }
                measurement.add("p50_ms", times.percentile(0.5))
                measurement.add("max_ms", times.max() ?? .nan)
                coordinator.process.signal(SIGTERM)
                for process in processes { process.signal(SIGTERM) }
                for process in processes { _ = await process.exit() }
                _ = await coordinator.process.exit()
            }
        }
        try measurement.report(to: options.output)
    }
}

/// A coordinator that supervises nothing, and its API.
struct BenchCoordinator {
    let process: BuiltProcess
    let url: String
    let token: String
    let transport: HTTPTransport

    static func start(_ fleet: BenchFleet) async throws -> BenchCoordinator {
        let state = FileManager.default.temporaryDirectory.appendingPathComponent("coordinator-\(Incarnation())").path
        let port = Int.random(in: 20_000..<30_000)
        let process = try BuiltProcess(
            "fleet-coordinator", ["--listen", "127.0.0.1:\(port)", "--state-dir", state],
            environment: fleet.environment)
        let transport = try HTTPTransport()
        let url = "http://127.0.0.1:\(port)"
        let isUp = try await eventually {
            (try? await transport.send(
                HTTPRequest(method: .get, url: url + "/v1/health", headers: [], body: [], deadline: .seconds(2))))?
                .status == 200
        }
        if !isUp { throw BenchError("the coordinator did not start: \(process.stderr)") }
        let token = try String(contentsOfFile: state + "/api-token", encoding: .utf8)
        return BenchCoordinator(
            process: process, url: url, token: token.trimmingCharacters(in: .whitespacesAndNewlines),
            transport: transport)
    }

    func waitForWorkers(_ count: Int) async throws {
        let isComplete = try await eventually(within: .seconds(120)) {
            let workers: [WorkerView] = try await call(.get, "/v1/workers", nil)
            return workers.count { $0.health == .live && $0.heartbeat.state == .running } == count
        }
        if !isComplete { throw BenchError("not all \(count) workers reported within 120 s") }
    }

    func broadcast(greeting: String) async throws -> TallyView {
        let request = ConfigBroadcastRequest(scope: .global, set: ["greeting": .string(greeting)])
        return try await call(.post, "/v1/config", JSONEncoder().encode(request))
    }

    private func call<Answer: Decodable>(_ method: HTTPMethod, _ path: String, _ body: Data?) async throws -> Answer {
        let response = try await transport.send(
            HTTPRequest(
                method: method, url: url + path, headers: [HTTPField("Authorization", "Bearer \(token)"), .json],
                body: [UInt8](body ?? Data()), deadline: .seconds(30)))
        guard response.status == 200 else {
            throw BenchError("\(path): \(response.status) \(String(decoding: response.body, as: UTF8.self))")
        }
        return try JSONDecoder().decode(Answer.self, from: Data(response.body))
    }
}
