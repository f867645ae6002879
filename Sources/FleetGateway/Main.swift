import ArgumentParser
import FleetLogging
import Gateway
import GatewayHTTP
import Logging
import ServiceLifecycle
import UnixSignals

/// Takes updates in from Telegram and puts them into the bots' queues.
@main
struct FleetGateway: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fleet-gateway",
        abstract:
            "Takes updates in by long polling and webhooks, each confirmed by RabbitMQ before Telegram's is done.",
        discussion: """
            Servers come from the environment: FLEET_AMQP_URL, FLEET_DATABASE_URL, FLEET_KEY_FILE, \
            FLEET_TELEGRAM_API. Logs go to stderr. Several gateways share the bots through leases in PostgreSQL. \
            SIGTERM publishes what is at hand and gives the leases back; a second one stops at once, and nothing is \
            lost then either: Telegram keeps what was not confirmed.
            """
    )

    @Option(help: "The gateway's name, unique in the fleet.")
    var name: String

    @Option(help: "Bots to take in at a time; the rest is left to other gateways.")
    var maxPollers: Int = 2000

    @Option(help: "Seconds that RabbitMQ may be away at the start.")
    var startupSeconds: Int = 30

    @OptionGroup var webhooks: WebhookOptions

    func validate() throws {
        guard 1...3600 ~= startupSeconds else { throw ValidationError("--startup-seconds takes 1 to 3600") }
        if name.isEmpty { throw ValidationError("--name must not be empty") }
        guard 1...100_000 ~= maxPollers else { throw ValidationError("--max-pollers takes 1 to 100000") }
        _ = try webhooks.place()
    }

    func run() async throws {
        let logger = FleetLogHandler.bootstrap("fleet-gateway")
        let process: GatewayProcess
        let place = try webhooks.place()
        do {
            process = try GatewayProcess(
                name: name, maximumPollers: maxPollers, webhooks: place?.configuration,
                startup: .seconds(startupSeconds), logger: logger)
        } catch {
            logger.critical("\(error)")
            throw ExitCode(1)
        }
        let second = Task { await Self.watchSignals(logger) }
        var services = ServiceGroupConfiguration(
            services: [.init(service: process)], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        if let place, let intake = process.webhooks {
            // Ended first: what it has begun to take still finds the gateway at work.
            let server = WebhookServer(intake, host: place.host, port: place.port, logger: logger)
            services.services.append(.init(service: server))
        }
        services.maximumGracefulShutdownDuration = .seconds(20)
        // No cancellation deadline: the group's would trap. `watchSignals` is the last resort.
        do {
            try await ServiceGroup(configuration: services).run()
        } catch {
            logger.critical("\(error)")
            throw ExitCode(1)
        }
        second.cancel()
    }

    /// A process that does not stop in this time after the first signal exits with status 1.
    private static let lastDeadline: Duration = .seconds(25)

    private static func watchSignals(_ logger: Logger) async {
        var isFirst = true
        for await _ in await UnixSignalsSequence(trapping: .sigterm, .sigint) {
            if !isFirst {
                logger.warning("stopped at the second signal")
                Self.exit(withError: ExitCode(1))
            }
            isFirst = false
            Task {
                try? await Task.sleep(for: lastDeadline)
                logger.error("stopped after \(lastDeadline), not in order; nothing is lost, Telegram keeps the rest")
                Self.exit(withError: ExitCode(1))
            }
        }
    }
}
