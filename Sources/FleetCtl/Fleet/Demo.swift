import ArgumentParser
import FleetCtlKit
import LocalServices
import Synchronization
import UnixSignals

struct Demo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows the whole: ten bots, a simulator, load, a broadcast, a killed worker, and an audit.",
        discussion: """
            Takes about two minutes, below HOME/demo, and stops all it started. Writes HOME/demo-report.json. \
            On servers that FLEET_DATABASE_URL and FLEET_AMQP_URL name it works in a schema of its own, and removes \
            that and its queues afterwards. \
            Exit status 0 only if nothing was lost, doubled or out of order.
            """)
    @OptionGroup var base: HomeOptions
    @OptionGroup var output: OutputOptions
    @Option(help: .hidden) var updates = 20_000
    @Option(help: .hidden) var chats = 500
    @Option(help: .hidden) var bots = 10
    @Option(help: .hidden) var rate = 400.0

    private enum Ending {
        case report(DemoReport)
        case signal(UnixSignal)
    }

    func run() async throws {
        var plan = DemoPlan()
        (plan.updates, plan.chats, plan.bots, plan.rate) = (updates, chats, bots, rate)
        let screen = Screen()
        let fleet = LocalFleet(
            home: ServiceHome("\(base.directory.path)/demo"),
            binaries: FleetBinaries(directory: Environment.value("FLEET_BIN")),
            environment: Environment.all,
            progress: screen.note
        )
        let servers = DemoServers(environment: Environment.all, plan: plan, home: fleet.home)
        try fleet.home.requireOwn()
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm, .sighup)
        // What an earlier demo that was cut off has left.
        try await fleet.stop()
        try await fleet.erase()
        try await servers.prepare()
        let ending: Result<Ending, any Error>
        do {
            ending = .success(try await until(signals, plan, fleet, servers, screen))
        } catch {
            ending = .failure(error)
        }
        screen.clear()
        Console.line("stopping what the demo started")
        try await fleet.stop()
        try await servers.clean()
        try await finish(try ending.get(), fleet)
    }

    /// Runs the demo until its end or a signal, whichever comes first.
    private func until(
        _ signals: UnixSignalsSequence,
        _ plan: DemoPlan,
        _ fleet: LocalFleet,
        _ servers: DemoServers,
        _ screen: Screen
    ) async throws -> Ending {
        try await withThrowingTaskGroup(of: Ending?.self) { group in
            group.addTask {
                for await signal in signals { return .signal(signal) }
                return nil
            }
            group.addTask {
                let report = try await Transport.with { transport in
                    try await DemoRun(
                        fleet: fleet, servers: servers, plan: plan, transport: transport, note: screen.note,
                        progress: screen.progress
                    ).run()
                }
                return .report(report)
            }
            defer { group.cancelAll() }
            while let ending = try await group.next() {
                if let ending { return ending }
            }
            throw CancellationError()
        }
    }

    private func finish(_ ending: Ending, _ fleet: LocalFleet) async throws {
        switch ending {
        case .signal(let signal):
            Console.error("stopped by \(signal)")
            throw ExitCode(signal == .sigint ? 130 : 143)
        case .report(let report):
            let file = "\(base.directory.path)/demo-report.json"
            try TextFile.write(file, try JSONOutput.text(report) + "\n", mode: 0o644)
            try output.show(report, table: \.text)
            Console.line("report: \(file); logs: \(fleet.home.path)")
            if !report.right { throw ExitCode(ExitStatus.error.rawValue) }
            // The data has told what it had to tell.
            try await Blocking.run { () throws(ServiceError) in try LocalServices(home: fleet.home).remove() }
        }
    }
}

/// Where the demo's notes and its progress go.
private final class Screen: Sendable {
    private let line = Mutex(ProgressLine(isTerminal: Console.isTerminal))

    func note(_ text: String) { line.withLock { Console.write($0.note(text)) } }
    func progress(_ text: String) { line.withLock { Console.write($0.update(text, now: .now)) } }
    func clear() { if Console.isTerminal { Console.write("\r\u{1b}[K") } }
}
