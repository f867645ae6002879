import ArgumentParser
import FleetCtlKit
import LocalServices

struct Services: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "A private PostgreSQL and RabbitMQ for this machine.",
        discussion: """
            They listen on loopback only, with ports and passwords of their own, and keep running until `down`. \
            FLEET_AMQP_URL and FLEET_DATABASE_URL name existing servers instead.
            """,
        subcommands: [
            ServicesUp.self, ServicesDown.self, ServicesEnv.self, ServicesStatus.self, ServicesRestart.self,
            ServicesRemove.self,
        ]
    )
}

struct ServicesUp: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "up", abstract: "Starts what does not run.")
    @OptionGroup var home: HomeOptions
    @Flag(help: "Choose other ports for servers that do not run.") var newPorts = false
    @Option(help: "Seconds to wait until they take connections.") var timeout = 90
    @OptionGroup var output: OutputOptions

    func run() throws {
        let services = LocalServices(home: home.directory) { Console.line($0) }
        let missing = ServiceEndpoints(environment: Environment.all).missing
        if missing.isEmpty { Console.line("FLEET_AMQP_URL and FLEET_DATABASE_URL name both servers: nothing to start") }
        try services.start(missing, within: .seconds(timeout), newPorts: newPorts)
        try output.show(try ServiceRow.all(services), table: ServiceRow.table)
    }
}

struct ServicesDown: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "down", abstract: "Stops what runs.")
    @OptionGroup var home: HomeOptions
    @Option(help: "Seconds after which a server is killed.") var timeout = 30
    @OptionGroup var output: OutputOptions

    func run() throws {
        try LocalServices(home: home.directory).stop(within: .seconds(timeout))
        try output.show(Done("stopped", home: home.directory.path), table: \.text)
    }
}

struct ServicesEnv: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "env",
        abstract: "Prints where they are, for a shell: eval \"$(fleetctl services env)\".",
        discussion: "The lines hold the servers' passwords."
    )
    @OptionGroup var home: HomeOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        let given = ServiceEndpoints(environment: Environment.all)
        let own = try LocalServices(home: home.directory).endpoints()
        let endpoints = own.map { given.completed(by: $0) } ?? given
        guard endpoints.missing.isEmpty else {
            throw Fault("no servers in \(home.directory.path); start them with `fleetctl services up`")
        }
        let path = home.directory.path
        try output.show(endpoints.environment.merging(["FLEET_HOME": path]) { _, own in own }) { _ in
            endpoints.exports + "export FLEET_HOME=\(Shell.quote(path))\n"
        }
    }
}

struct ServicesStatus: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "status", abstract: "Shows what runs.")
    @OptionGroup var home: HomeOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        try output.show(try ServiceRow.all(LocalServices(home: home.directory)), table: ServiceRow.table)
    }
}

/// A server as it is shown.
private struct ServiceRow: Encodable {
    let service: String
    let pid: Int32?
    let port: Int
    let log: String

    static func all(_ services: LocalServices) throws -> [ServiceRow] {
        try services.status().map {
            ServiceRow(service: $0.service.rawValue, pid: $0.pid, port: Int($0.port), log: $0.log)
        }
    }

    static func table(_ rows: [ServiceRow]) -> String {
        var table = TextTable([
            .init("SERVICE"), .init("STATE"), .init("PID", .right), .init("PORT", .right), .init("LOG"),
        ])
        for row in rows {
            table.add([
                row.service, row.pid == nil ? "stopped" : "running", row.pid.map(String.init) ?? "–",
                String(row.port), row.log,
            ])
        }
        return table.rendered()
    }
}

extension LocalServices.Service: ExpressibleByArgument {}

struct ServicesRestart: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "restart", abstract: "Stops and starts one.")
    @Argument(help: "postgres or rabbitmq.") var service: LocalServices.Service
    @OptionGroup var home: HomeOptions
    @Option(help: "Seconds to stop, and seconds to start.") var timeout = 60
    @OptionGroup var output: OutputOptions

    func run() throws {
        let services = LocalServices(home: home.directory) { Console.line($0) }
        guard try services.endpoints() != nil else {
            throw Fault("no servers in \(home.directory.path); start them with `fleetctl services up`")
        }
        try services.stop([service], within: .seconds(timeout))
        try services.start([service], within: .seconds(timeout))
        try output.show(try ServiceRow.all(services), table: ServiceRow.table)
    }
}

struct ServicesRemove: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove",
        abstract: "Stops them and drops their data, ports and passwords."
    )
    @OptionGroup var home: HomeOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        try LocalServices(home: home.directory).remove()
        try output.show(Done("removed", home: home.directory.path), table: \.text)
    }
}
