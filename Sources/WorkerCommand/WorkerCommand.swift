import ArgumentParser
import BotKit
import FleetLogging
import FleetModel
import Logging
import UnixSignals
import WorkerRuntime

/// The worker's command line: consumes the queues of one or more bots, runs them, settles what they want, sends their
/// replies. A worker binary is this with the behaviours it knows; see docs/writing-a-bot.md.
public struct WorkerCommand: AsyncParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "bot-worker",
        abstract: "Runs bots: consumes their queues, settles effects in PostgreSQL, sends replies.",
        discussion: """
            Servers come from the environment: FLEET_AMQP_URL, FLEET_DATABASE_URL, FLEET_KEY_FILE, \
            FLEET_TELEGRAM_API. Logs go to stderr. SIGTERM drains; a second one stops at once, and nothing is lost \
            then either.
            """
    )

    @Option(help: "The worker's name, stable over restarts and unique in the fleet.")
    var name: String

    @Option(name: .customLong("bot"), help: "A bot to run; may be given several times.")
    var bots: [BotID]

    @Option(help: "Seconds from SIGTERM until unfinished work is left to the next owner.")
    var drainSeconds: Int = 20

    @Option(help: "Seconds that servers may be away at the start.")
    var startupSeconds: Int = 30

    public init() {}

    /// Parses the process's arguments and runs until the worker has ended; does not return after an error.
    public static func main(_ behaviours: BehaviourRegistry) async {
        do {
            let command = try parse()
            try await command.run(behaviours)
        } catch {
            exit(withError: error)
        }
    }

    public func run() async throws { try await run(.standard) }

    private func run(_ behaviours: BehaviourRegistry) async throws {
        let logger = FleetLogHandler.bootstrap("bot-worker")
        let worker: Worker
        do {
            var settings = try WorkerEnvironment.settings(name: name, bots: bots)
            settings.behaviours = behaviours
            settings.drainDeadline = .seconds(drainSeconds)
            settings.startupDeadline = .seconds(startupSeconds)
            worker = Worker(settings: settings, logger: logger)
        } catch {
            logger.critical("\(error)")
            throw ExitCode(1)
        }
        let work = Task { try await worker.run() }
        let signals = Task {
            var isFirst = true
            for await _ in await UnixSignalsSequence(trapping: .sigterm, .sigint) {
                if isFirst { worker.drain() } else { work.cancel() }
                isFirst = false
            }
        }
        do {
            try await work.value
        } catch {
            logger.critical("\(error)")
            throw ExitCode(1)
        }
        signals.cancel()
    }
}

extension BotID: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}
