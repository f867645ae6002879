import ArgumentParser
import FleetCtlKit
import LocalServices

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Looks for what is wrong, and says how to mend it.",
        discussion: "Exit status 1 when something is broken.")
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let given = ServiceEndpoints(environment: Environment.all)
        let own = try LocalServices(home: client.home.directory).endpoints()
        let doctor = Doctor(
            fleet: client.home.fleet(), endpoints: own.map { given.completed(by: $0) } ?? given, logger: .quiet)
        let findings = try await Transport.with { await doctor.examine(client: try? client.client($0)) }
        try output.show(findings, table: Finding.text)
        if findings.contains(where: { $0.verdict == .failed }) { throw ExitCode(ExitStatus.error.rawValue) }
    }
}
