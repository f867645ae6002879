import ArgumentParser
import FleetCtlKit
import Store

struct Migrate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows and changes the database's schema.",
        discussion: "Goes straight to the database of FLEET_DATABASE_URL, else of the local fleet.",
        subcommands: [MigrateStatus.self, MigrateUp.self, MigrateDown.self, MigrateVerify.self])
}

struct MigrateStatus: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "status", abstract: "Which migrations are applied.")
    @OptionGroup var servers: ServerOptions
    @OptionGroup var output: OutputOptions

    private struct Row: Encodable {
        let number: Int
        let name: String
        let state: String
    }

    func run() async throws {
        let rows = try await servers.withDatabase { try await Migrator($0).status() }.map {
            Row(number: $0.number, name: $0.name, state: describe($0.state))
        }
        try output.show(rows) { rows in
            var table = TextTable([.init("NUMBER", .right), .init("NAME"), .init("STATE")])
            for row in rows { table.add(["\(row.number)", row.name, row.state]) }
            return table.rendered()
        }
    }

    private func describe(_ state: MigrationStatus.State) -> String {
        switch state {
        case .pending: "pending"
        case .applied(let at, let milliseconds): "applied \(at) in \(milliseconds) ms"
        case .changed: "applied from a file with another checksum"
        case .unknown: "applied by a newer version"
        }
    }
}

struct MigrateUp: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "up", abstract: "Applies what is pending.")
    @Option(help: "Up to and including this number.") var to: Int?
    @Flag(help: "Only say what would be done.") var dryRun = false
    @OptionGroup var servers: ServerOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let done = try await servers.withDatabase { try await Migrator($0).up(to: to, dryRun: dryRun) }
        try output.show(done.map(\.name)) {
            MigrationText.list($0, verb: dryRun ? "would apply" : "applied", none: "nothing is pending")
        }
    }
}

struct MigrateDown: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "down", abstract: "Takes the newest migrations back. What they hold is lost.")
    @Option(help: "How many.") var steps = 1
    @Flag(help: "Only say what would be done.") var dryRun = false
    @OptionGroup var servers: ServerOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let done = try await servers.withDatabase { try await Migrator($0).down(steps: steps, dryRun: dryRun) }
        try output.show(done.map(\.name)) {
            MigrationText.list($0, verb: dryRun ? "would take back" : "took back", none: "nothing is applied")
        }
    }
}

struct MigrateVerify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Whether the schema is what this version expects; exit status 1 if not.")
    @OptionGroup var servers: ServerOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let problems = try await servers.withDatabase { try await Migrator($0).verify() }
        try output.show(problems) {
            $0.isEmpty ? "the schema is what this version expects\n" : $0.map { $0 + "\n" }.joined()
        }
        if !problems.isEmpty { throw ExitCode(ExitStatus.error.rawValue) }
    }
}
