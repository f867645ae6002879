import ArgumentParser
import FleetControl
import FleetModel
import FleetTesting
import Foundation

/// How the rate of settled updates changes with the number of bots of one worker, and of lanes of one bot.
struct Growth: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Updates settled per second over 1 to 1,000 bots and 1 to 16 lanes, without HTTP.")

    @OptionGroup var options: BenchOptions
    @Option(help: "Updates of a measurement, spread evenly.")
    var updates: Int64 = 30_000
    @Option(help: "Chats, over all bots.")
    var chats: Int64 = 1000
    @Option(help: "Numbers of bots, each measured with one worker.")
    var bots: [Int] = [1, 10, 100, 1000]
    @Option(help: "Numbers of lanes, each measured with one bot and one worker.")
    var lanes: [Int] = [1, 4, 16]

    func run() async throws {
        var measurement = Measurement("growth: updates settled per second by one worker")
        // Making a thousand queues takes longer than a measurement: all runs share them.
        try await BenchFleet.with(bots: bots.max() ?? 1, config: BenchFleet.withoutSending) { fleet, _ in
            for _ in 0..<options.runs {
                for count in bots {
                    let rate = try await measure(fleet, Array(fleet.bots.prefix(count)))
                    measurement.add("bots_\(count).updates_per_s", rate)
                }
            }
        }
        for _ in 0..<options.runs {
            for count in lanes {
                try await BenchFleet.with(lanes: count, config: BenchFleet.withoutSending) { fleet, _ in
                    measurement.add("lanes_\(count).updates_per_s", try await measure(fleet, fleet.bots))
                }
            }
        }
        try measurement.report(to: options.output)
    }

    /// All lanes are open when the clock starts: the worker has settled an update of each chat, is stopped while the
    /// queues are filled, and goes on.
    private func measure(_ fleet: BenchFleet, _ bots: [BotID]) async throws -> Double {
        let chats = max(1, self.chats / Int64(bots.count))
        let each = max(1, updates / Int64(bots.count))
        for bot in bots { try await fleet.fill(bot, ids: 1...chats, chats: chats) }
        let worker = try fleet.start(.worker, bots: bots, name: "growth")
        for bot in bots { try await fleet.waitSettled(bot, chats) }
        worker.signal(SIGSTOP)
        for bot in bots { try await fleet.fill(bot, ids: chats + 1...chats + each, chats: chats) }
        let start = Timestamp.now
        worker.signal(SIGCONT)
        let total = (chats + each) * Int64(bots.count)
        let isDone = try await eventually(within: .seconds(120)) {
            try await fleet.number("SELECT count(*) FROM inbox") == total
        }
        if !isDone { throw BenchError("not all updates of \(bots.count) bots were settled within 120 s") }
        let last = try await fleet.number("SELECT (extract(epoch FROM max(settled_at)) * 1000)::bigint FROM inbox")
        worker.signal(SIGTERM)
        _ = await worker.exit()
        _ = try await fleet.number("WITH gone AS (DELETE FROM inbox RETURNING 1) SELECT count(*) FROM gone")
        _ = try await fleet.number("WITH gone AS (DELETE FROM outbox RETURNING 1) SELECT count(*) FROM gone")
        return Double(each * Int64(bots.count)) * 1000 / Double(last - start.milliseconds)
    }
}
