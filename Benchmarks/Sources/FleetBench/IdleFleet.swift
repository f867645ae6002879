import ArgumentParser
import Broker
import FleetControl
import FleetModel
import FleetTesting
import Foundation

/// A fleet in which nothing happens: some bots have a worker each, the others share workers.
struct IdleFleet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "idle-fleet",
        abstract: "Memory, processor time, descriptors and database connections of 1,000 bots at rest.")

    @OptionGroup var options: BenchOptions
    @Option(help: "Bots with a worker of their own.")
    var dedicated = 300
    @Option(help: "Workers that share the other bots.")
    var pools = 7
    @Option(help: "Bots of each of these.")
    var poolSize = 100
    @Option(help: "Seconds that each run watches.")
    var seconds: Double = 5

    func run() async throws {
        var measurement = Measurement(
            "idle-fleet: \(dedicated) bots with a worker each, \(pools * poolSize) in \(pools) workers")
        try await BenchFleet.with(bots: dedicated + pools * poolSize) { fleet, _ in
            var own: [BuiltProcess] = []
            var shared: [BuiltProcess] = []
            for number in 0..<pools {
                let first = dedicated + number * poolSize
                let bots = Array(fleet.bots[first..<first + poolSize])
                shared.append(try fleet.start(.worker, bots: bots, name: "pool-\(number)"))
            }
            try await waitForConsumers(fleet, fleet.bots.dropFirst(dedicated))
            for (number, bot) in fleet.bots.prefix(dedicated).enumerated() {
                // A starting worker needs a database connection, and PostgreSQL has 200 here.
                if number % Self.wave == 0 { try await waitForRest(fleet) }
                own.append(try fleet.start(.worker, bots: [bot], name: "own-\(number)"))
                if number % Self.wave == Self.wave - 1 {
                    try await waitForConsumers(fleet, fleet.bots[(number + 1 - Self.wave)...number])
                }
            }
            try await waitForConsumers(fleet, fleet.bots.prefix(dedicated))
            try await waitForRest(fleet)
            // What is left of the start, such as the first statements of the servers' own housekeeping.
            try await Task.sleep(for: .seconds(5))
            for _ in 0..<options.runs { try await watch(fleet, own, shared, &measurement) }
            for process in own + shared { process.signal(SIGTERM) }
            for process in own + shared { _ = await process.exit() }
        }
        try measurement.report(to: options.output)
    }

    /// Workers that start at the same time.
    private static let wave = 150

    private func waitForConsumers(_ fleet: BenchFleet, _ bots: ArraySlice<BotID>) async throws {
        let channel = try await fleet.connection.openChannel()
        for bot in bots {
            let isConsumed = try await eventually(within: .seconds(300)) {
                try await channel.queueStatus(FleetTopology.intakeQueue(of: bot)).consumers > 0
            }
            if !isConsumed { throw BenchError("nobody consumes the queue of \(bot)") }
        }
        await channel.close()
    }

    /// Workers give their database connection back after half a minute without work.
    private func waitForRest(_ fleet: BenchFleet) async throws {
        let isAtRest = try await eventually(within: .seconds(90)) { try await connections(fleet) == 0 }
        if !isAtRest { throw BenchError("\(try await connections(fleet)) database connections are still held") }
    }

    /// Connections to the database, without our own.
    private func connections(_ fleet: BenchFleet) async throws -> Int64 {
        try await fleet.number(
            """
            SELECT count(*) FROM pg_stat_activity
            WHERE backend_type = 'client backend' AND application_name <> 'fleet-tests'
            """)
    }

    private func watch(
        _ fleet: BenchFleet, _ own: [BuiltProcess], _ shared: [BuiltProcess], _ measurement: inout Measurement
    ) async throws {
        let meter = ServerMeter()
        let before = (own + shared).map { ProcessFigures.cpuSeconds($0.pid) }
        // Rest is what is measured here, so this waits on purpose.
        try await Task.sleep(for: .seconds(seconds))
        let after = (own + shared).map { ProcessFigures.cpuSeconds($0.pid) }
        func percent(_ range: Range<Int>) -> Double {
            range.reduce(0) { $0 + after[$1] - before[$1] } / seconds * 100
        }
        measurement.add("own.cpu_percent", percent(0..<own.count))
        measurement.add("shared.cpu_percent", percent(own.count..<after.count))
        for share in meter.spent() { measurement.add("\(share.name).cpu_percent", share.seconds / seconds * 100) }
        for (name, processes, bots) in [("own", own, dedicated), ("shared", shared, pools * poolSize)] {
            measurement.add("\(name).bots", Double(bots))
            measurement.add("\(name).workers", Double(processes.count))
            func total(_ value: (Int32) -> Double) -> Double { processes.reduce(0) { $0 + value($1.pid) } }
            let resident = total { ProcessFigures.kilobytes("VmRSS", $0) } / 1024
            let proportional = total { ProcessFigures.kilobytes("Pss", $0, in: "smaps_rollup") } / 1024
            measurement.add("\(name).rss_mb", resident)
            measurement.add("\(name).pss_mb", proportional)
            measurement.add("\(name).pss_mb_per_bot", proportional / Double(max(1, bots)))
            measurement.add("\(name).descriptors", total(ProcessFigures.descriptors))
            measurement.add("\(name).threads", total(ProcessFigures.threads))
        }
        measurement.add("database_connections", Double(try await connections(fleet)))
    }
}
