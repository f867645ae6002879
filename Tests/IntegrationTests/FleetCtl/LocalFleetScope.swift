import FleetModel
import FleetTesting
import Foundation
import HTTPTransport
import Testing

/// A whole fleet with two bots that `fleetctl up --simulator` has started, for all tests of a suite.
struct LocalFleetUnderTest: Sendable {
    @TaskLocal static var current: LocalFleetUnderTest?

    let ctl: FleetCtlRunner
    let simulator: String
    let transport: HTTPTransport
    /// How each bot was added, with its token.
    let alpha: Added
    let beta: Added

    struct Added: Sendable {
        let id: BotID
        let token: String
        let answer: FleetCtlRunner.Answer
    }

    struct Summary: Decodable {
        let coordinator: String
        let simulator: String?
    }

    static func start(home: String) async throws -> LocalFleetUnderTest {
        let ctl = FleetCtlRunner(home: home)
        let summary: Summary = try await ctl.json(["up", "--simulator"])
        let simulator = try #require(summary.simulator)
        let transport = try HTTPTransport()
        let tokens = try await makeTokens(2, simulator, transport)
        let file = home + "-token"
        try Data((tokens[0] + "\n").utf8).write(to: URL(fileURLWithPath: file))
        defer { try? FileManager.default.removeItem(atPath: file) }
        let alpha = try await ctl.run(["bot", "add", "alpha", "--behaviour", "echo", "--token-file", file])
        let beta = try await ctl.run(
            ["bot", "add", "beta", "--behaviour", "echo", "--token-stdin"], input: tokens[1] + "\n")
        let fleet = LocalFleetUnderTest(
            ctl: ctl, simulator: simulator, transport: transport,
            alpha: Added(id: try #require(BotID("alpha")), token: tokens[0], answer: alpha),
            beta: Added(id: try #require(BotID("beta")), token: tokens[1], answer: beta))
        try await fleet.waitUntilRunning()
        return fleet
    }

    private static func makeTokens(
        _ count: Int, _ simulator: String, _ transport: HTTPTransport
    ) async throws -> [String] {
        struct Answer: Decodable {
            struct Bot: Decodable { let token: String }
            let bots: [Bot]
        }
        let response = try await transport.send(
            HTTPRequest(
                method: .post, url: simulator + "/sim/bots", headers: [.json], body: Array("{\"count\":\(count)}".utf8),
                deadline: .seconds(20)))
        let tokens = try JSONDecoder().decode(Answer.self, from: Data(response.body)).bots.map(\.token)
        try #require(tokens.count == count)
        return tokens
    }

    /// Until both bots have a worker that runs.
    func waitUntilRunning() async throws {
        let running = try await eventually {
            let status: StatusView = try await ctl.json(["status"])
            return [alpha.id, beta.id].allSatisfy { bot in
                status.workers.contains {
                    $0.heartbeat.bots == [bot] && $0.health == .live && $0.heartbeat.state == .running
                }
            }
        }
        try #require(running)
    }

    @discardableResult
    func simulate(_ method: HTTPMethod, _ path: String, _ body: String = "") async throws -> String {
        let response = try await transport.send(
            HTTPRequest(
                method: method, url: simulator + path, headers: [.json], body: Array(body.utf8),
                deadline: .seconds(20)))
        try #require(response.status == 200)
        return String(decoding: response.body, as: UTF8.self)
    }

    /// Whether the bot answers somebody who speaks to it at the simulator.
    func answers(_ bot: Substring, chat: Int64) async throws -> Bool {
        try await simulate(.post, "/sim/bots/\(bot)/say", #"{"chat":\#(chat),"text":"hello"}"#)
        return try await eventually(within: .seconds(60)) {
            try await simulate(.get, "/sim/bots/\(bot)/transcript?chat=\(chat)").contains("sendMessage")
        }
    }

    func pid(of bot: BotID) async throws -> Int32 {
        let status: StatusView = try await ctl.json(["status"])
        return try #require(status.workers.first { $0.heartbeat.bots == [bot] && $0.health == .live }).heartbeat.pid
    }

    func generation() async throws -> Int64 {
        let view: ConfigView = try await ctl.json(["config", "show"])
        return view.generation
    }
}

/// Gives a suite its fleet and takes everything away after it.
struct LocalFleetScope: SuiteTrait, TestScoping {
    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        let home = "/tmp/fleetctl-test-\(Incarnation())"
        let result: Result<Void, any Error>
        do {
            let fleet = try await LocalFleetUnderTest.start(home: home)
            try await LocalFleetUnderTest.$current.withValue(fleet) { try await function() }
            await fleet.transport.shutdown()
            result = .success(())
        } catch {
            result = .failure(error)
        }
        _ = try? await FleetCtlRunner(home: home).run(["down"])
        try? FileManager.default.removeItem(atPath: home)
        try result.get()
    }
}

extension SuiteTrait where Self == LocalFleetScope {
    static var localFleet: LocalFleetScope { LocalFleetScope() }
}
