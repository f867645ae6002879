import ArgumentParser
import FleetModel
import Foundation

/// Consume, dedup, session and outbox in PostgreSQL, ack; no HTTP: replies are committed and held back.
struct Settle: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Updates settled per second by one worker, without HTTP.")

    @OptionGroup var options: BenchOptions
    @Option(help: "Updates waiting in the queue before the worker starts.")
    var updates: Int64 = 60_000
    @Option var chats: Int64 = 500

    func run() async throws {
        var measurement = Measurement("settle: consume, inbox, session and outbox, ack; no HTTP")
        for _ in 0..<options.runs {
            let config: [String: ConfigValue] = ["send.paused": .bool(true), "send.max_unsent": .int(10_000_000)]
            try await BenchFleet.with(config: config) { fleet, _ in
                let bot = fleet.bots[0]
                try await fleet.fill(bot, count: updates, chats: chats)
                let worker = try fleet.startWorker(bot)
                try await fleet.waitSettled(bot, updates)
                let cpu = ProcessFigures.cpuSeconds(worker.pid)
                let span = "extract(epoch FROM max(settled_at) - min(settled_at)) * 1000000"
                let microseconds = try await fleet.number("SELECT (\(span))::bigint FROM inbox")
                measurement.add("updates_per_s", Double(updates) * 1_000_000 / Double(microseconds))
                measurement.add("worker_cpu_ms_per_1000", cpu * 1000 / Double(updates) * 1000)
                measurement.add("worker_peak_rss_mb", ProcessFigures.kilobytes("VmHWM", worker.pid) / 1024)
                worker.signal(SIGTERM)
                _ = await worker.exit()
            }
        }
        try measurement.report(to: options.output)
    }
}
