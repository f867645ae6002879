import ArgumentParser
import FleetModel
import FleetTesting
import Foundation

/// Instructions the worker executes for an update, counted by valgrind. Unlike times they hardly depend on what else the
/// machine does, so they are held against a threshold: a tenth more than was accepted fails.
///
/// What the start costs is taken out: the count of a short run is subtracted from that of a long one.
struct Instructions: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Instructions of the worker per update, by valgrind; fails when they grow by a tenth.")

    @OptionGroup var options: BenchOptions
    @Option(help: "Updates of the short run.")
    var short: Int64 = 1000
    @Option(help: "Updates of the long run.")
    var long: Int64 = 7000
    @Option var chats: Int64 = 500
    @Option(help: "The file with the accepted counts.")
    var accepted: String?
    @Flag(help: "Write what was measured to that file.")
    var accept = false

    func run() async throws {
        var measurement = Measurement("instructions: of one update, in user space")
        for _ in 0..<options.runs {
            for job in Job.allCases {
                let few = try await count(job, short)
                let many = try await count(job, long)
                let updates = Double(long - short)
                measurement.add("\(job).per_update", Double(many.total - few.total) / updates)
                guard job != .reference else { continue }
                for (part, instructions) in many.parts.sorted(by: { $0.key < $1.key }) {
                    measurement.add("\(job).\(part)", Double(instructions - few.parts[part, default: 0]) / updates)
                }
            }
        }
        try measurement.report(to: options.output)
        if let accepted { try check(measurement, accepted) }
    }

    private enum Job: String, CaseIterable {
        /// The program in C.
        case reference
        /// Without sending.
        case settle
        case replies
    }

    private func count(_ job: Job, _ updates: Int64) async throws -> CallgrindProfile {
        let simulator = job == .replies ? try await SimulatorProcess.start() : nil
        defer { simulator?.process.signal(SIGKILL) }
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("callgrind-\(Incarnation())").path
        defer { try? FileManager.default.removeItem(atPath: file) }
        let config = simulator == nil ? BenchFleet.withoutSending : [:]
        try await BenchFleet.with(simulator: simulator, config: config) { fleet, _ in
            let bot = fleet.bots[0]
            try await fleet.fill(bot, ids: 1...updates, chats: chats)
            let valgrind = ["/usr/bin/valgrind", "--tool=callgrind", "--callgrind-out-file=\(file)"]
            let process = try fleet.start(job == .reference ? .reference : .worker, bot, wrapped: valgrind)
            try await fleet.waitSettled(bot, updates)
            if simulator != nil { try await fleet.waitSent() }
            process.signal(SIGTERM)
            guard await process.exit() == 0 else { throw BenchError("under valgrind: \(process.stderr.suffix(1000))") }
        }
        return try CallgrindProfile(contentsOf: file)
    }

    /// The share an accepted count may be exceeded by.
    private static let tolerance = 0.1

    private func check(_ measurement: Measurement, _ path: String) throws {
        var measured: [String: Double] = [:]
        for job in [Job.settle, .replies] { measured[job.rawValue] = measurement.median("\(job).per_update") }
        if accept {
            let rounded = measured.mapValues { Int($0.rounded()) }
            let data = try JSONSerialization.data(withJSONObject: rounded, options: [.prettyPrinted, .sortedKeys])
            return try (data + Data("\n".utf8)).write(to: URL(fileURLWithPath: path))
        }
        let limits = try JSONDecoder().decode([String: Double].self, from: Data(contentsOf: URL(fileURLWithPath: path)))
        var tooMany: [String] = []
        for (job, count) in measured.sorted(by: { $0.key < $1.key }) {
            guard let limit = limits[job], count > limit * (1 + Self.tolerance) else { continue }
            tooMany.append("\(job): \(Int(count)) instructions an update, accepted are \(Int(limit))")
        }
        if !tooMany.isEmpty {
            throw BenchError(
                tooMany.joined(separator: "; ") + ". Find what grew, or accept it: ./run bench instructions --accept")
        }
    }
}
