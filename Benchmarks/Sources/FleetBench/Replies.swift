import ArgumentParser
import FleetModel
import FleetTesting
import Foundation

/// The whole job: settled as in `settle`, each update answered with a sendMessage to the simulator. By one worker, and
/// by two that have a bot each.
struct Replies: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Updates answered per second by one worker and by two.")

    @OptionGroup var options: BenchOptions
    @Option var updates: Int64 = 30_000
    @Option var chats: Int64 = 500

    func run() async throws {
        var measurement = Measurement("replies: as settle, each update answered through the simulator")
        for _ in 0..<options.runs {
            try await measure(workers: 1, "one", &measurement)
            try await measure(workers: 2, "two", &measurement)
        }
        try measurement.report(to: options.output)
    }

    private func measure(workers count: Int, _ name: String, _ measurement: inout Measurement) async throws {
        let simulator = try await SimulatorProcess.start()
        defer { simulator.process.signal(SIGKILL) }
        try await BenchFleet.with(bots: count, simulator: simulator) { fleet, accounts in
            let each = updates / Int64(count)
            for bot in fleet.bots { try await fleet.fill(bot, ids: 1...each, chats: chats) }
            let meter = ServerMeter(simulator: simulator.process.pid)
            let workers = try fleet.bots.map { try fleet.start(.worker, $0) }
            for bot in fleet.bots { try await fleet.waitSettled(bot, each) }
            try await fleet.waitSent()
            measurement.addShares(name, meter, workers: workers.map(\.pid), updates: updates)
            var times: [Int64] = []
            for account in accounts {
                times += try await simulator.log(account).filter { $0.type == "call" }.compactMap(\.at_us)
            }
            guard let first = times.min(), let last = times.max(), times.count == Int(each) * count else {
                throw BenchError("\(times.count) replies for \(each * Int64(count)) updates")
            }
            measurement.add("\(name).updates_per_s", Double(times.count) * 1_000_000 / Double(last - first))
            for worker in workers { worker.signal(SIGTERM) }
            for worker in workers { _ = await worker.exit() }
        }
    }
}
