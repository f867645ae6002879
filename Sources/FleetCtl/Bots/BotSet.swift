import ArgumentParser
import FleetCtlKit
import FleetModel

struct BotSet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set",
        abstract: "Changes a bot while it runs: over how many lanes and workers it is spread, how its updates come in.",
        discussion: """
            A change of the lanes takes as long as the present lanes need for what they have; `fleetctl bot show` says \
            what it waits for. Order within a chat is kept. A change of the intake is the gateways' work, a few seconds \
            later; webhooks need a gateway with --webhook-url.
            """)
    @Argument(help: "The bot's name.") var bot: BotID
    @Option(help: "Ordered streams that workers share.") var lanes: Int?
    @Option(help: "Processes that share it.") var workers: Int?
    @Option(help: "polling or webhook.") var intake: IntakeMode?
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if lanes == nil, workers == nil, intake == nil {
            throw ValidationError("nothing to change: give --lanes, --workers or --intake")
        }
        try BotCounts.check(lanes: lanes, workers: workers)
    }

    func run() async throws {
        let change = BotChange(lanes: lanes, workers: workers, intake: intake)
        let view: BotView = try await client.withClient {
            try await $0.patch("/v1/bots/\(bot)", change, deadline: .seconds(60))
        }
        try output.show(view, table: FleetTables.bot)
    }
}

/// Said here already, where the option has its name.
enum BotCounts {
    static func check(lanes: Int?, workers: Int?) throws {
        for (name, value) in [("--lanes", lanes), ("--workers", workers)] {
            if let value, !BotSpec.counts.contains(value) {
                throw ValidationError("\(name) \(value): expected 1 to \(BotSpec.counts.upperBound)")
            }
        }
    }
}
