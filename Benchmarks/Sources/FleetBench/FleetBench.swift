import ArgumentParser

/// Figures of the fleet, measured with the release binaries as real processes against real servers.
@main
struct FleetBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fleet-bench",
        abstract: "Measures the fleet. Called by ./run bench, which builds and starts what it needs.",
        subcommands: [
            Settle.self, Publish.self, Replies.self, Latency.self, Simulator.self, Decode.self, Instructions.self,
            Idle.self, IdleFleet.self, Broadcast.self, Growth.self, Flood.self,
        ])
}

/// What every measurement is told.
struct BenchOptions: ParsableArguments {
    @Option(help: "How often it is measured; the median counts.")
    var runs: Int = 5

    @Option(help: "Where the result is written, as JSON.")
    var output: String?
}
