import ArgumentParser
import FleetModel
import FleetTesting
import Foundation

/// The whole job of one worker: settled as in `settle`, each update answered with a sendMessage to the simulator.
struct Replies: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Updates answered per second by one worker.")

    @OptionGroup var options: BenchOptions
    @Option var updates: Int64 = 30_000
    @Option var chats: Int64 = 500

    func run() async throws {
        var measurement = Measurement("replies: as settle, each update answered through the simulator")
        for _ in 0..<options.runs {
            let simulator = try await SimulatorProcess.start()
            try await BenchFleet.with(simulator: simulator) { fleet, accounts in
                let bot = fleet.bots[0]
                try await fleet.fill(bot, count: updates, chats: chats)
                let simulatorCPU = ProcessFigures.cpuSeconds(simulator.process.pid)
                let worker = try fleet.startWorker(bot)
                try await fleet.waitSettled(bot, updates)
                let isSent = try await eventually(within: .seconds(300)) {
                    try await fleet.number("SELECT count(*) FROM outbox") == 0
                }
                if !isSent { throw BenchError("not all replies were sent within 300 s") }
                let cpu = ProcessFigures.cpuSeconds(worker.pid)
                let times = try await simulator.log(accounts[0]).filter { $0.type == "call" }.compactMap(\.at_us)
                guard let first = times.min(), let last = times.max(), times.count == Int(updates) else {
                    throw BenchError("\(times.count) replies for \(updates) updates")
                }
                measurement.add("updates_per_s", Double(updates) * 1_000_000 / Double(last - first))
                measurement.add("worker_cpu_ms_per_1000", cpu * 1000 / Double(updates) * 1000)
                measurement.add(
                    "simulator_cpu_ms_per_1000",
                    (ProcessFigures.cpuSeconds(simulator.process.pid) - simulatorCPU) * 1000 / Double(updates) * 1000)
                worker.signal(SIGTERM)
                _ = await worker.exit()
            }
        }
        try measurement.report(to: options.output)
    }
}
