import Broker
import FleetModel
import FleetTesting
import Foundation
import Glibc
import HTTPTransport
import Logging
import Testing

/// `fleetctl` from end to end: the built program against a fleet it has started itself.
@Suite(.serialized, .localFleet, .timeLimit(.minutes(5)))
struct FleetCtlCommandTests {
    private var fleet: LocalFleetUnderTest {
        get throws { try #require(LocalFleetUnderTest.current) }
    }

    @Test func botsAreAddedByFileAndByStandardInput() async throws {
        let fleet = try fleet
        for added in [fleet.alpha, fleet.beta] {
            #expect(added.answer.status == 0, "\(added.answer.err)")
            #expect(added.answer.out.contains(added.id.rawValue))
        }
        let bots: [BotView] = try await fleet.ctl.json(["bot", "list"])
        #expect(bots.map(\.spec.id).sorted() == [fleet.alpha.id, fleet.beta.id])
        let again = try await fleet.ctl.run(
            ["bot", "add", "alpha", "--behaviour", "echo", "--token-stdin"], input: fleet.alpha.token)
        #expect(again.status == 1)
        let unsuitable = try await fleet.ctl.run(
            ["bot", "add", "gamma", "--behaviour", "echo", "--token-stdin"], input: "no token")
        #expect(unsuitable.status == 1)
        #expect(!unsuitable.all.contains("no token\n"))
    }

    @Test func aTokenOnTheCommandLineIsRefused() async throws {
        let fleet = try fleet
        let answer = try await fleet.ctl.run(
            ["bot", "add", "gamma", "--behaviour", "echo", "--token", "123:secret-of-gamma"])
        #expect(answer.status == 2)
        #expect(answer.err.contains("--token-file"))
        #expect(!answer.all.contains("secret-of-gamma"))
        let bots: [BotView] = try await fleet.ctl.json(["bot", "list"])
        #expect(!bots.contains { $0.spec.id.rawValue == "gamma" })
    }

    @Test func aBroadcastThatAllApplyEndsWithZero() async throws {
        let fleet = try fleet
        try await fleet.waitUntilRunning()
        let before = try await fleet.generation()
        let answer = try await fleet.ctl.run(
            ["broadcast-config", "--set", "greeting=Hello:", "--reason", "test", "-o", "json"])
        #expect(answer.status == 0, "\(answer.err)")
        let tally = try answer.decoded(TallyView.self)
        #expect(tally.rows.count == 2)
        #expect(tally.everyoneApplied)
        #expect(tally.generation == before + 1)
        let history: [GenerationView] = try await fleet.ctl.json(["config", "history"])
        #expect(history.first?.reason == "test")
    }

    @Test func aKeyThatDoesNotExistIsNamedAndNothingIsSent() async throws {
        let fleet = try fleet
        let before = try await fleet.generation()
        let file = fleet.ctl.home + "-config.yaml"
        try Data("# a comment\nflood.limits: true\ngreting: Hi\n".utf8).write(to: URL(fileURLWithPath: file))
        defer { try? FileManager.default.removeItem(atPath: file) }
        let answer = try await fleet.ctl.run(["broadcast-config", file])
        #expect(answer.status == 1)
        #expect(answer.err.contains("\(file):3: greting"))
        #expect(answer.err.contains("nearest valid key is greeting"), "\(answer.err)")
        #expect(answer.out.isEmpty)
        #expect(try await fleet.generation() == before)
    }

    @Test func aWorkerThatDoesNotAnswerIsLate() async throws {
        let fleet = try fleet
        try await fleet.waitUntilRunning()
        let pid = try await fleet.pid(of: fleet.alpha.id)
        #expect(kill(pid, SIGSTOP) == 0)
        defer { kill(pid, SIGCONT) }
        let answer = try await fleet.ctl.run(
            ["broadcast-config", "--set", "greeting=Later:", "--timeout", "2s", "-o", "json"])
        #expect(answer.status == 3, "\(answer.err)")
        let tally = try answer.decoded(TallyView.self)
        #expect(tally.rows.first { $0.bots == [fleet.alpha.id] }?.result == .late)
        #expect(tally.rows.first { $0.bots == [fleet.beta.id] }?.result == .applied)
    }

    @Test func aBodyThatCannotBeReadIsShownAndReplayed() async throws {
        let fleet = try fleet
        let environment: [String: String] = try await fleet.ctl.json(["services", "env"])
        let connection = try await BrokerConnection.open(
            try BrokerConfiguration(url: try #require(environment["FLEET_AMQP_URL"]), name: "test"),
            logger: TestBroker.logger)
        let publisher = try await Publisher.open(on: connection)
        let outcomes = try await publisher.publish([
            Publication(routingKey: FleetTopology.intakeQueue(of: fleet.beta.id), body: Array("{ malformed".utf8))
        ])
        #expect(outcomes == [.confirmed])
        await connection.close()

        var letters: [DeadLetterView] = []
        let arrived = try await eventually {
            letters = try await fleet.ctl.json(["dlq", "list", "--bot", "beta"])
            return !letters.isEmpty
        }
        #expect(arrived)
        let number = try #require(letters.first).number
        let shown = try await fleet.ctl.run(["dlq", "show", "\(number)"])
        #expect(shown.status == 0)
        #expect(shown.out.contains("{ malformed"))
        let replay: ReplayView = try await fleet.ctl.json(["dlq", "replay", "\(number)", "--rate", "100/s"])
        #expect(replay.state == .done && replay.replayed == 1 && replay.failed == 0)
        // It is no better the second time.
        let back = try await eventually {
            let letters: [DeadLetterView] = try await fleet.ctl.json(["dlq", "list", "--bot", "beta"])
            return letters.contains { $0.number == number && $0.replayedAt != nil }
                && letters.contains { $0.number > number && $0.replayedAt == nil }
        }
        #expect(back)
        #expect(try await fleet.ctl.run(["dlq", "show", "999999"]).status == 1)

        // Neither all by mistake, nor for good without a word.
        for arguments in [["replay"], ["purge"], ["purge", "--bot", "beta"], ["list", "--since", "sometime"]] {
            #expect(try await fleet.ctl.run(["dlq"] + arguments).status == 2, "\(arguments)")
        }
        let purged: PurgeView = try await fleet.ctl.json(["dlq", "purge", "--bot", "beta", "--yes"])
        #expect(purged.purged >= 2)
        #expect(try await fleet.ctl.run(["dlq", "list", "--bot", "beta"]).out == "no dead letters\n")
    }

    @Test func aNewTokenIsTakenUpWithoutARestart() async throws {
        let fleet = try fleet
        try await fleet.waitUntilRunning()
        let pid = try await fleet.pid(of: fleet.alpha.id)
        let number = try #require(fleet.alpha.token.split(separator: ":").first)
        // BotFather revokes the old one.
        try await fleet.simulate(.delete, "/sim/bots/\(number)")
        try await fleet.simulate(.post, "/sim/bots", #"{"token":"\#(number):fresh"}"#)
        let refused = try await eventually(within: .seconds(30)) {
            let status: StatusView = try await fleet.ctl.json(["status"])
            return status.bots.contains { $0.troubles?.contains { $0.code == .tokenRefused } == true }
        }
        #expect(refused)
        #expect(try await fleet.ctl.run(["doctor"]).status == 1)
        let wrong = try await fleet.ctl.run(["bot", "set-token", "alpha", "--token-stdin"], input: fleet.beta.token)
        #expect(wrong.status == 1)
        let set = try await fleet.ctl.run(["bot", "set-token", "alpha", "--token-stdin"], input: "\(number):fresh\n")
        #expect(set.status == 0, "\(set.err)")
        #expect(try await fleet.answers(number, chat: 77))
        #expect(try await fleet.pid(of: fleet.alpha.id) == pid)
        #expect(try await eventually { try await fleet.ctl.run(["doctor"]).status == 0 })
    }

    @Test func aSecondStartWithOtherSettingsIsRefused() async throws {
        let fleet = try fleet
        let plain = try await fleet.ctl.run(["up"])
        #expect(plain.status == 1)
        #expect(plain.err.contains("fleetctl down"))
        let elsewhere = try await fleet.ctl.run(["up"], environment: ["FLEET_TELEGRAM_API": "http://127.0.0.1:9"])
        #expect(elsewhere.status == 1)
        #expect(elsewhere.err.contains("http://127.0.0.1:9"))
        // The same once more is no error.
        let same: LocalFleetUnderTest.Summary = try await fleet.ctl.json(["up", "--simulator"])
        #expect(same.simulator == fleet.simulator)
    }

    @Test func theTokensAreNowhereToBeRead() async throws {
        let fleet = try fleet
        var said = fleet.alpha.answer.all + fleet.beta.answer.all
        for arguments in [
            ["status"], ["bot", "list"], ["bot", "show", "alpha"], ["config", "show"], ["config", "history"],
            ["dlq", "list"], ["doctor"], ["services", "status"], ["services", "env"],
        ] {
            for format in ["table", "json"] {
                let answer = try await fleet.ctl.run(arguments + ["-o", format])
                #expect(answer.status == 0, "\(arguments): \(answer.all)")
                said += answer.all
            }
        }
        let lines = ProcessList.ids.map { ProcessList.text($0, "cmdline") }.joined()
        #expect(lines.contains(fleet.ctl.home))
        for added in [fleet.alpha, fleet.beta] {
            let secret = String(added.token.split(separator: ":")[1])
            #expect(!said.contains(secret))
            #expect(!lines.contains(secret))
            var logs = 0
            for case let url as URL in FileManager.default.enumerator(
                at: URL(fileURLWithPath: fleet.ctl.home), includingPropertiesForKeys: nil) ?? .init()
            where url.pathExtension == "log" {
                logs += 1
                let text = FileManager.default.contents(atPath: url.path).map { String(decoding: $0, as: UTF8.self) }
                #expect(text?.contains(secret) == false, "\(url.path)")
            }
            // Of the servers, the simulator, the coordinator, the workers and the gateway.
            #expect(logs >= 6)
        }
    }

    @Test func downLeavesNoProcessAndUpGoesOn() async throws {
        let fleet = try fleet
        let home = fleet.ctl.home
        let link = home + "-link"
        #expect(symlink(home, link) == 0)
        defer { unlink(link) }
        let before = ProcessList.naming(home)
        #expect(before.count >= 6)
        // A coordinator that is killed leaves its workers and its gateway behind.
        let file = try String(contentsOfFile: "\(home)/run/coordinator.pid", encoding: .utf8)
        #expect(kill(try #require(Int32(file.split(separator: " ")[0])), SIGKILL) == 0)
        let down = try await fleet.ctl.run(["down", "-o", "json"], home: link)
        #expect(down.status == 0, "\(down.err)")
        // A server's helpers end a moment after it.
        let gone = try await eventually(within: .seconds(10)) {
            ProcessList.alive(before).isEmpty && ProcessList.naming(home).isEmpty
        }
        #expect(gone, "\(ProcessList.naming(home))")
        #expect(try await fleet.ctl.run(["down"]).status == 0)

        // Two at once start one fleet.
        async let first = fleet.ctl.run(["up", "--simulator", "-o", "json"])
        async let second = fleet.ctl.run(["up", "--simulator", "-o", "json"], home: link)
        let answers = try await [first, second]
        #expect(answers.allSatisfy { $0.status == 0 }, "\(answers.map(\.err))")
        #expect(answers[0].out == answers[1].out)
        let coordinators = ProcessList.ids.filter {
            let line = ProcessList.text($0, "cmdline")
            return line.contains("fleet-coordinator") && line.contains(home)
        }
        // A child that it is just starting looks like itself until it is another program.
        #expect(coordinators.count { !coordinators.contains(ProcessList.parent(of: $0)) } == 1)
        let bots: [BotView] = try await fleet.ctl.json(["bot", "list"])
        #expect(bots.map(\.spec.id).sorted() == [fleet.alpha.id, fleet.beta.id])
        try await fleet.waitUntilRunning()
        // The simulator has forgotten everything, and was told of the bots again.
        for added in [fleet.alpha, fleet.beta] {
            #expect(try await fleet.answers(try #require(added.token.split(separator: ":").first), chat: 78))
        }
    }
}
