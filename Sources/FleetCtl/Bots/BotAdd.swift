import ArgumentParser
import FleetCtlKit
import FleetModel

struct BotAdd: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add",
        abstract: "Adds a bot and starts it.",
        discussion: """
            The token from BotFather comes from --token-file, --token-stdin or FLEET_BOT_TOKEN, or is asked for. It is \
            stored encrypted and never shown again.
            """)
    @Argument(help: "A name for it in the fleet: a-z 0-9 _ -, at most 63.") var bot: BotID
    @Option(help: "What it does: echo, menu, or a behaviour of your own.") var behaviour: String
    @Option(help: "A label, key=value; may be repeated.") var label: [String] = []
    @Option(help: "Ordered streams that workers share.") var lanes = 1
    @Option(help: "Processes that share it.") var workers = 1
    @Option(help: "quorum or classic.") var queue: QueueKind = .quorum
    @Option(help: "polling, or webhook: Telegram calls the fleet's gateway.") var intake: IntakeMode = .polling
    @Option(help: "Where its Bot API is. [the fleet's]") var apiURL: String?
    @Flag(help: "Add it without starting it.") var stopped = false
    @Flag(help: "Do not ask Telegram whose the token is.") var noCheck = false
    @OptionGroup var token: TokenOptions
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        try BotCounts.check(lanes: lanes, workers: workers)
    }

    func run() async throws {
        let spec = BotSpec(
            id: bot,
            behaviour: behaviour,
            labels: try BotArguments.labels(label),
            desired: stopped ? .stopped : .running,
            lanes: lanes,
            workers: workers,
            queue: queue,
            intake: intake,
            apiURL: apiURL
        )
        let request = AddBotRequest(spec: spec, token: try token.read().reveal(), check: !noCheck)
        let view: BotView = try await client.withClient {
            try await $0.post("/v1/bots", request, deadline: .seconds(60))
        }
        try output.show(view, table: FleetTables.bot)
        Console.write(FleetTables.troubles([view]))
    }
}
