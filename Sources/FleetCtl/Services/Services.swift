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

    func run() throws {
        let services = LocalServices(home: home.directory) { Console.line($0) }
        let missing = ServiceEndpoints(environment: Environment.all).missing
        if missing.isEmpty { Console.line("FLEET_AMQP_URL and FLEET_DATABASE_URL name both servers: nothing to start") }
        try services.start(missing, within: .seconds(timeout), newPorts: newPorts)
    }
}

struct ServicesDown: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "down", abstract: "Stops what runs.")
    @OptionGroup var home: HomeOptions
    @Option(help: "Seconds after which a server is killed.") var timeout = 30

    func run() throws { try LocalServices(home: home.directory).stop(within: .seconds(timeout)) }
}

struct ServicesEnv: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "env",
        abstract: "Prints where they are, for a shell: eval \"$(fleetctl services env)\".",
        discussion: "The lines hold the servers' passwords."
    )
    @OptionGroup var home: HomeOptions

    func run() throws {
        let given = ServiceEndpoints(environment: Environment.all)
        let own = try LocalServices(home: home.directory).endpoints()
        let endpoints = own.map { given.completed(by: $0) } ?? given
        guard endpoints.missing.isEmpty else {
            throw Fault("no servers in \(home.directory.path); start them with `fleetctl services up`")
        }
        print(endpoints.exports, terminator: "")
        print("export FLEET_HOME=\(Shell.quote(home.directory.path))")
    }
}

struct ServicesStatus: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "status", abstract: "Shows what runs.")
    @OptionGroup var home: HomeOptions
    @OptionGroup var output: OutputOptions

    private struct Row: Encodable {
        let service: String
        let pid: Int32?
        let port: Int
        let log: String
    }

    func run() throws {
        let rows = try LocalServices(home: home.directory).status().map {
            Row(service: $0.service.rawValue, pid: $0.pid, port: Int($0.port), log: $0.log)
        }
        try output.show(rows) { rows in
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
}

extension LocalServices.Service: ExpressibleByArgument {}

struct ServicesRestart: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "restart", abstract: "Stops and starts one.")
    @Argument(help: "postgres or rabbitmq.") var service: LocalServices.Service
    @OptionGroup var home: HomeOptions
    @Option(help: "Seconds to stop, and seconds to start.") var timeout = 60

    func run() throws {
        let services = LocalServices(home: home.directory) { Console.line($0) }
        guard try services.endpoints() != nil else {
            throw Fault("no servers in \(home.directory.path); start them with `fleetctl services up`")
        }
        try services.stop([service], within: .seconds(timeout))
        try services.start([service], within: .seconds(timeout))
    }
}

struct ServicesRemove: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove",
        abstract: "Stops them and drops their data, ports and passwords."
    )
    @OptionGroup var home: HomeOptions

    func run() throws { try LocalServices(home: home.directory).remove() }
}
