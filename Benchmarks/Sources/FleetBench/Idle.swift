import ArgumentParser
import FleetModel
import Foundation

/// How soon a worker consumes after exec, and what it costs when nothing happens.
struct Idle: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Start to first consumption, and memory at rest.")

    @OptionGroup var options: BenchOptions

    func run() async throws {
        var measurement = Measurement("idle: one worker, connected to both servers")
        for _ in 0..<options.runs {
            try await BenchFleet.with(config: ["send.paused": .bool(true)]) { fleet, _ in
                let bot = fleet.bots[0]
                try await fleet.fill(bot, ids: 1...1, chats: 1)
                let started = Timestamp.now
                let worker = try fleet.start(.worker, bot)
                try await fleet.waitSettled(bot, 1)
                let settled = try await fleet.number(
                    "SELECT (extract(epoch FROM settled_at) * 1000)::bigint FROM inbox")
                measurement.add("exec_to_first_settled_ms", Double(settled - started.milliseconds))
                let before = ProcessFigures.cpuSeconds(worker.pid)
                // Rest is what is measured here, so this waits on purpose.
                try await Task.sleep(for: .seconds(10))
                measurement.add("rss_mb", ProcessFigures.kilobytes("VmRSS", worker.pid) / 1024)
                measurement.add("pss_mb", ProcessFigures.kilobytes("Pss", worker.pid, in: "smaps_rollup") / 1024)
                measurement.add("threads", ProcessFigures.threads(worker.pid))
                measurement.add("descriptors", ProcessFigures.descriptors(worker.pid))
                measurement.add("cpu_percent_at_rest", (ProcessFigures.cpuSeconds(worker.pid) - before) * 10)
                worker.signal(SIGTERM)
                _ = await worker.exit()
            }
        }
        try measurement.report(to: options.output)
    }
}
