import ArgumentParser

/// Figures of the fleet, measured with the release binaries as real processes against real servers.
@main
struct FleetBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fleet-bench",
        abstract: "Measures the fleet. Called by ./run bench, which builds and starts what it needs.",
        subcommands: [Settle.self, Replies.self, Idle.self, Broadcast.self, Simulator.self, Flood.self])
}

/// What every measurement is told.
struct BenchOptions: ParsableArguments {
    @Option(help: "How often it is measured; the median counts.")
    var runs: Int = 3

    @Option(help: "Where the result is written, as JSON.")
    var output: String?
}
