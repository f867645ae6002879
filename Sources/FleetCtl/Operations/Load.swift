import ArgumentParser
import Broker
import FleetCtlKit
import FleetModel
import Store
import Synchronization

struct Load: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Puts updates into bots' queues at a rate, and measures.",
        discussion: """
            It publishes straight to RabbitMQ and reads settlements from PostgreSQL, past gateway and coordinator. \
            Ids of updates are never used twice. Bots answer to made-up chats: point them at the simulator, or \
            Telegram will refuse their replies. Exit status 1 when something was refused or did not settle in time.
            """)
    @Option(help: "Updates a second, over all bots.") var rate = 100.0
    @Option(help: "For how long, such as 30s or 5m.") var duration = "10s"
    @Option(help: "Only this bot; may be repeated.") var bot: [BotID] = []
    @Flag(help: "All bots that should run.") var all = false
    @Option(help: "Chats that speak, over all bots.") var chats = 100
    @Option(help: "How long to wait for settlements afterwards.") var drain = "30s"
    @OptionGroup var servers: ServerOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if bot.isEmpty != all { throw ValidationError("name bots with --bot ID, or take --all") }
        if !(rate > 0 && rate <= 1_000_000) { throw ValidationError("--rate: expected above 0, at most 1000000") }
        if !(1...10_000_000).contains(chats) { throw ValidationError("--chats: expected 1 to 10000000") }
        if DurationText.parse(duration) == nil {
            throw ValidationError("--duration \(duration): expected a time such as 30s")
        }
        if DurationText.parse(drain) == nil { throw ValidationError("--drain \(drain): expected a time such as 30s") }
    }

    func run() async throws {
        guard let duration = DurationText.parse(duration), let drain = DurationText.parse(drain) else { return }
        let report = try await servers.withDatabase { database in
            let bots = try await bots(database)
            let configuration = try servers.broker(name: "fleetctl load")
            let connection = try await BrokerConnection.open(configuration, logger: .quiet)
            let publisher = try await Publisher.open(on: connection, window: 5000)
            let plan = LoadRun.Plan(
                bots: bots, schedule: LoadSchedule(rate: rate, duration: duration), chats: chats, drain: drain)
            let line = Mutex(ProgressLine(isTerminal: Console.isTerminal))
            let report = try await LoadRun(plan, publisher: publisher, database: database).run { tracker, total in
                let text = "published \(tracker.published) of \(total), settled \(tracker.settled)"
                Console.write(line.withLock { $0.update(text, now: .now) })
            }
            if Console.isTerminal { Console.write("\r\u{1b}[K") }
            await connection.close()
            return report
        }
        try output.show(report, table: \.text)
        if report.refused > 0 || report.confirmUnknown > 0 || report.unsettled > 0 {
            throw Fault(
                "\(report.refused) refused, \(report.confirmUnknown) unknown, \(report.unsettled) not settled in time; see `fleetctl status`"
            )
        }
    }

    private func bots(_ database: Database) async throws -> [BotID] {
        let known = try await database.bots()
        if all {
            let running = known.filter { $0.spec.desired == .running }.map(\.spec.id)
            guard !running.isEmpty else { throw Fault("no bot should run; add one with `fleetctl bot add`") }
            return running.sorted()
        }
        if let stranger = bot.first(where: { id in !known.contains { $0.spec.id == id } }) {
            throw Fault("there is no bot \(stranger); `fleetctl bot list` shows all")
        }
        return bot
    }
}
