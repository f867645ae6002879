import ArgumentParser
import FleetCtlKit
import LocalServices

struct Up: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Starts a whole fleet on this machine, in the background.",
        discussion: """
            Servers (unless FLEET_AMQP_URL and FLEET_DATABASE_URL name some), schema, and a coordinator that runs \
            the workers and the gateway. Logs are in HOME/logs. `fleetctl down` stops it all.
            """)
    @OptionGroup var home: HomeOptions
    @OptionGroup var output: OutputOptions
    @Flag(help: "Also start the Telegram simulator, and have all bots talk to it instead of Telegram.")
    var simulator = false

    private struct Summary: Encodable {
        var coordinator: String
        var simulator: String?
        var home: String
        var apiTokenFile: String
    }

    func run() async throws {
        let fleet = home.fleet()
        let summary = try await Transport.with { transport in
            // Before anything is started: a refusal leaves everything as it is.
            try fleet.checkCoordinator(nil, telegram: simulator ? fleet.address(fleet.simulatorFile) : nil)
            let endpoints = try await fleet.startServices()
            try fleet.checkCoordinator(endpoints, telegram: simulator ? fleet.address(fleet.simulatorFile) : nil)
            try await fleet.migrate(endpoints)
            // Load comes from chats that nobody has spoken in.
            let arguments = ["--accept-unknown"]
            let telegram =
                simulator ? try await fleet.startSimulator(arguments: arguments, transport: transport) : nil
            if let telegram {
                let count = try await fleet.introduceBots(to: telegram, endpoints, transport: transport)
                if count > 0 { Console.line("the simulator knows \(count) bots of the fleet again") }
            }
            let url = try await fleet.startCoordinator(endpoints, telegram: telegram, transport: transport)
            return Summary(
                coordinator: url, simulator: telegram, home: fleet.home.path, apiTokenFile: fleet.apiTokenFile)
        }
        try output.show(summary) { summary in
            var text = "coordinator  \(summary.coordinator)\n"
            if let simulator = summary.simulator { text += "simulator    \(simulator)\n" }
            text += "home         \(summary.home) (logs in logs/)\n"
            return text + "next         fleetctl bot add NAME --behaviour echo --token-file PATH\n"
        }
    }
}

struct Down: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Stops the fleet on this machine.",
        discussion: "Workers finish what they have begun. Data stays; `up` goes on with it.")
    @OptionGroup var home: HomeOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let fleet = home.fleet()
        try await fleet.stop()
        try output.show(Done("stopped", home: fleet.home.path), table: \.text)
    }
}
