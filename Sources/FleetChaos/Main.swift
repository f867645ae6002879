import ArgumentParser
import ChaosKit
import FleetCtlKit
import Glibc
import HTTPTransport
import LocalServices
import UnixSignals

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Breaks a fleet on private servers and judges whether its promise was kept.
@main struct FleetChaos: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fleet-chaos",
        abstract: "Breaks a fleet on private servers, under load, and judges whether its promise was kept.",
        discussion: """
            The seed decides what goes wrong when. Writes HOME/report.json; logs are in HOME/logs and \
            HOME/coordinator/logs. Exit status 1 when an update was lost, took effect twice or out of order, or a \
            message was sent again without a cause.
            """)

    @Option(help: "How long load and faults last.")
    var seconds = 300
    @Option(help: "Decides everything; a random one when not given.")
    var seed: UInt64?
    @Option(help: "Kinds of faults, separated by commas; all when not given.")
    var faults: String?
    @Option(help: "Messages a second.")
    var rate = ChaosOptions().rate
    @Option(help: "The run's directory; what is in it is dropped.")
    var home = ".fleet/chaos"
    @Flag(help: "Only print the plan.")
    var plan = false

    func validate() throws {
        guard (10...3600).contains(seconds) else { throw ValidationError("--seconds: expected 10 to 3600") }
        guard rate >= 1, rate <= 10_000 else { throw ValidationError("--rate: expected 1 to 10000") }
        _ = try kinds()
    }

    private func kinds() throws -> Set<FaultKind> {
        guard let faults else { return Set(FaultKind.allCases) }
        return Set(
            try faults.split(separator: ",").map { name in
                guard let kind = FaultKind(rawValue: String(name)) else {
                    let all = FaultKind.allCases.map(\.rawValue).joined(separator: ", ")
                    throw ValidationError("--faults: there is no '\(name)'; there are \(all)")
                }
                return kind
            })
    }

    func run() async throws {
        var options = ChaosOptions()
        options.seconds = seconds
        options.seed = seed ?? UInt64.random(in: 1...999_999)
        options.kinds = try kinds()
        options.rate = rate
        if plan {
            for item in FaultPlan(seed: options.seed, seconds: seconds, kinds: options.kinds).items {
                print("\(item.number)\t\(item.at)\t\(item.length)\t\(item.disturbance)")
            }
            return
        }
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm, .sighup)
        let transport = try HTTPTransport()
        let environment = ProcessInfo.processInfo.environment
        let run = ChaosRun(
            options: options, home: ServiceHome(home),
            binaries: FleetBinaries(directory: environment["FLEET_BIN"].flatMap { $0.isEmpty ? nil : $0 }),
            environment: environment, transport: transport, note: { Self.line($0) })
        try await run.clean()
        let report: Result<ChaosReport?, any Error>
        do {
            report = .success(try await Self.until(signals, run))
        } catch {
            report = .failure(error)
        }
        Self.line("stopping what the run started")
        try await run.clean()
        guard let report = try report.get() else { throw ExitCode(130) }
        try TextFile.write("\(run.homePath)/report.json", try JSONOutput.text(report) + "\n", mode: 0o644)
        print(report.text, terminator: "")
        print("report: \(run.homePath)/report.json")
        if !report.isRight { throw ExitCode(1) }
    }

    /// The report, or `nil` when a signal came first.
    private static func until(_ signals: UnixSignalsSequence, _ run: ChaosRun) async throws -> ChaosReport? {
        try await withThrowingTaskGroup(of: ChaosReport?.self) { group in
            group.addTask {
                for await _ in signals { break }
                return nil
            }
            group.addTask { try await run.run() }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
    }

    private static func line(_ text: String) {
        let bytes = Array("\(text)\n".utf8)
        _ = Glibc.write(STDERR_FILENO, bytes, bytes.count)
    }
}
