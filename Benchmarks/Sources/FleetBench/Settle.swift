import ArgumentParser
import FleetModel
import Foundation

/// Consume, dedup, session and outbox in PostgreSQL, ack; no HTTP: replies are committed and held back. The worker and
/// the reference in C take turns.
struct Settle: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Updates settled per second without HTTP, beside a C program with the same job.")

    @OptionGroup var options: BenchOptions
    @Option(help: "Updates waiting in the queue before the consumer starts.")
    var updates: Int64 = 60_000
    @Option var chats: Int64 = 500

    func run() async throws {
        var measurement = Measurement("settle: consume, inbox, session and outbox, ack; no HTTP")
        for _ in 0..<options.runs {
            for consumer in Consumer.allCases { try await measure(consumer, &measurement) }
        }
        measurement.addRatio(
            "ratio.updates_per_s", of: "worker.updates_per_s", to: "reference.updates_per_s")
        measurement.addRatio("ratio.cpu", of: "worker.worker_us", to: "reference.worker_us")
        try measurement.report(to: options.output)
    }

    private func measure(_ consumer: Consumer, _ measurement: inout Measurement) async throws {
        try await BenchFleet.with(config: BenchFleet.withoutSending) { fleet, _ in
            let bot = fleet.bots[0]
            try await fleet.fill(bot, ids: 1...updates, chats: chats)
            let meter = ServerMeter()
            let process = try fleet.start(consumer, bot)
            try await fleet.waitSettled(bot, updates)
            measurement.addShares("\(consumer)", meter, workers: [process.pid], updates: updates)
            measurement.add("\(consumer).updates_per_s", try await fleet.settledPerSecond())
            measurement.add("\(consumer).peak_rss_mb", ProcessFigures.kilobytes("VmHWM", process.pid) / 1024)
            process.signal(SIGTERM)
            _ = await process.exit()
            try await Self.check(fleet, updates)
        }
    }

    /// Both must have done the same: a reply to each update, and a count in each chat's session.
    private static func check(_ fleet: BenchFleet, _ updates: Int64) async throws {
        let replies = try await fleet.number(
            "SELECT count(*) FROM outbox WHERE (convert_from(body, 'UTF8')::json->>'text') LIKE 'You said: message %'")
        let counted = try await fleet.number(
            "SELECT sum((convert_from(state, 'UTF8')::json->>'count')::bigint)::bigint FROM session")
        guard replies == updates, counted == updates else {
            throw BenchError("\(replies) replies and a count of \(counted) for \(updates) updates")
        }
    }
}
