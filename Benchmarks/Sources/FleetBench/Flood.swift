import ArgumentParser
import FleetModel
import FleetTesting
import Foundation
import Store

/// A bot with far more to say than Telegram's limits let out, against a simulator that enforces them: how much of the
/// permitted rate is used, and how often it is told to slow down.
struct Flood: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Part of the permitted rate used under overload, and 429 answers, in a minute.")

    @OptionGroup var options: BenchOptions
    @Option(help: "Processes that serve the bot, with a lane each.")
    var workers = 1
    @Option var seconds = 60
    @Option(help: "Before it is measured, from the first message.")
    var warmUp = 0
    @Option var chats: Int64 = 1000

    /// Messages a second over all chats, as the simulator allows them (docs/simulator.md).
    static let permitted = 30.0

    private struct Counts: Decodable {
        struct Total: Decodable {
            let messages: Int
            let too_many_requests: Int
        }
        let total: Total
    }
    private struct Ignored: Decodable {}

    func run() async throws {
        var measurement = Measurement("flood: a bot under overload over \(workers) workers, \(seconds) s")
        for _ in 0..<options.runs {
            let simulator = try await SimulatorProcess.start()
            try await BenchFleet.with(simulator: simulator) { fleet, accounts in
                let bot = fleet.bots[0]
                let _: Ignored = try await simulator.post(
                    "/sim/bots/\(accounts[0].id)/settings", #"{"enforce_limits":true}"#)
                try await prepare(fleet, bot)
                let amount = Int64(Self.permitted) * Int64(seconds + warmUp + 30)
                try await fleet.fill(bot, ids: 1...amount, chats: chats)
                let processes = try (1...workers).map { number in
                    try BuiltProcess(
                        "bot-worker", ["--name", "\(bot)-\(number)", "--bot", bot.rawValue],
                        environment: fleet.environment)
                }
                let begun = try await eventually(within: .seconds(60)) { try await counts(simulator).messages > 0 }
                if !begun { throw BenchError("nothing was sent: \(processes[0].stderr)") }
                try await Task.sleep(for: .seconds(warmUp))
                let (before, start) = (try await counts(simulator), ContinuousClock.now)
                try await Task.sleep(for: .seconds(seconds))
                let (after, end) = (try await counts(simulator), ContinuousClock.now)
                let time = (end - start) / .seconds(1)
                measurement.add(
                    "percent_of_permitted_rate",
                    Double(after.messages - before.messages) / (Self.permitted * time) * 100)
                measurement.add(
                    "429s_per_minute", Double(after.too_many_requests - before.too_many_requests) / time * 60)
                measurement.add("429s_since_the_first_message", Double(after.too_many_requests))
                if workers > 1 {
                    let shares = try await fleet.number("SELECT count(*) FROM flood_share WHERE share > 0")
                    if shares != workers { throw BenchError("\(shares) of \(workers) workers had a share of the rate") }
                }
                for process in processes { process.signal(SIGKILL) }
                for process in processes { _ = await process.exit() }
            }
        }
        try measurement.report(to: options.output)
    }

    private func counts(_ simulator: SimulatorProcess) async throws -> Counts.Total {
        let counts: Counts = try await simulator.get("/sim/counts")
        return counts.total
    }

    /// Limits on, and as many lanes as workers, one for each.
    private func prepare(_ fleet: BenchFleet, _ bot: BotID) async throws {
        _ = try await fleet.database.commitConfig(
            ConfigChange(scope: .global, set: ["flood.limits": .bool(true)]),
            author: "bench", reason: nil)
        if workers == 1 { return }
        for sql in [
            "UPDATE bot SET lanes = \(workers), workers = \(workers)", "UPDATE lane_layout SET lanes = \(workers)",
        ] { _ = try await fleet.database.query(Statement("", sql)) }
        let places: [(number: Int32, worker: Int)] =
            [(LaneLayout.moverNumber, 1)] + (0..<workers).map { (Int32($0), $0 + 1) }
        try await fleet.database.assignLanes(
            bot, epoch: 0,
            places.map {
                LaneAssignment(
                    key: LaneKey(bot: bot, epoch: 0, number: $0.number), owner: "\(bot)-\($0.worker)", standby: nil)
            })
    }
}
