import ArgumentParser
import FleetCtlKit
import FleetModel

struct DeadLettersReplay: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Puts dead letters back into their bots' queues.",
        discussion: """
            In the order of their numbers, those not replayed yet; --replayed means those that were. The coordinator \
            does it, also when this command is cut off. A replay that ended half-way is gone on with by the same \
            command: an update takes effect once, however often it is put back. Exit status 1 when one could not be.
            """)
    @Argument(help: "Numbers.") var numbers: [Int64] = []
    @OptionGroup var filter: DeadLetterFilterOptions
    @Flag(help: "All of all bots.") var all = false
    @Option(help: "At most so many a second, up to 1000.") var rate = "\(ReplayRequest.standardRate)/s"
    @Flag(help: "Do not ask before --all.") var yes = false
    @Flag(help: "Do not wait for the end.") var detach = false
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if all != (try filter.filter(numbers: numbers)).namesNoneInParticular {
            throw ValidationError("name some by number or filter, or all with --all")
        }
        if perSecond == nil {
            throw ValidationError("--rate \(rate): expected 1/s to \(ReplayRequest.highestRate)/s")
        }
    }

    private var perSecond: Int? {
        let number = rate.hasSuffix("/s") ? String(rate.dropLast(2)) : rate
        return Int(number).flatMap { (1...ReplayRequest.highestRate).contains($0) ? $0 : nil }
    }

    func run() async throws {
        let filter = try filter.filter(numbers: numbers)
        let request = ReplayRequest(filter: filter, all: all, rate: perSecond)
        let view: ReplayView? = try await client.withClient { client in
            if all, !yes, Console.canAsk {
                var unreplayed = filter
                unreplayed.replayed = filter.replayed ?? false
                let count: DeadLetterCount = try await client.get(unreplayed.path("/v1/dead-letters/count"))
                guard try Confirmation.ask("replay \(count.total) dead letters of all bots?") else { return nil }
            }
            let started: ReplayView = try await client.post("/v1/replays", request)
            return detach ? started : try await end(of: started, client)
        }
        guard let view else { throw Fault("nothing was replayed") }
        try output.show(view, table: DeadLetterTables.replay)
        if view.failed > 0 || view.state == .failed || view.state == .stopped {
            throw ExitCode(ExitStatus.error.rawValue)
        }
    }

    private func end(of started: ReplayView, _ client: FleetClient) async throws -> ReplayView {
        var view = started
        var line = ProgressLine(isTerminal: Console.isTerminal)
        while view.state == .running {
            try await Task.sleep(for: .milliseconds(100))
            view = try await client.get("/v1/replays/\(view.number)")
            if view.state == .running { Console.write(line.update(DeadLetterTables.progress(view), now: .now)) }
        }
        if Console.isTerminal { Console.write("\r\u{1b}[K") }
        return view
    }
}

struct DeadLettersReplays: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replays", abstract: "Shows the replays since the coordinator started.")
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let views: [ReplayView] = try await client.withClient { try await $0.get("/v1/replays") }
        try output.show(views, table: DeadLetterTables.replays)
    }
}

struct DeadLettersStop: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stop", abstract: "Ends a replay; what is not put back yet stays.")
    @Argument(help: "The replay's number.") var replay: Int
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let view: ReplayView = try await client.withClient { try await $0.delete("/v1/replays/\(replay)") }
        try output.show(view, table: DeadLetterTables.replay)
    }
}
