import ArgumentParser
import FleetCtlKit
import FleetModel
import LocalServices

struct BotAdd: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add",
        abstract: "Adds a bot and starts it.",
        discussion: """
            The token from BotFather comes from --token-file, --token-stdin or FLEET_BOT_TOKEN. It is stored \
            encrypted and never shown again.
            """)
    @Argument(help: "A name for it in the fleet: a-z 0-9 _ -, at most 63.") var bot: BotID
    @Option(help: "What it does: echo, menu, or a behaviour of your own.") var behaviour: String
    @Option(help: "A label, key=value; may be repeated.") var label: [String] = []
    @Option(help: "Streams that can be spread over workers.") var lanes = 1
    @Option(help: "quorum or classic.") var queue: QueueKind = .quorum
    @Option(help: "polling, or webhook: Telegram calls the fleet's gateway.") var intake: IntakeMode = .polling
    @Option(help: "Where its Bot API is. [the fleet's]") var apiURL: String?
    @Option(help: "File that holds the token.") var tokenFile: String?
    @Flag(help: "Read the token from standard input.") var tokenStdin = false
    @Flag(help: "Add it without starting it.") var stopped = false
    @Option(help: .hidden) var token: String?
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard token == nil else {
            throw ValidationError(
                """
                --token is not taken, because other users of this machine can read command lines; use --token-file \
                PATH, --token-stdin or FLEET_BOT_TOKEN. If the token is real, have BotFather revoke it.
                """)
        }
        if tokenFile != nil, tokenStdin { throw ValidationError("--token-file and --token-stdin exclude each other") }
        if !(1...1024).contains(lanes) { throw ValidationError("--lanes \(lanes): expected 1 to 1024") }
    }

    func run() async throws {
        let spec = BotSpec(
            id: bot,
            behaviour: behaviour,
            labels: try BotArguments.labels(label),
            desired: stopped ? .stopped : .running,
            lanes: lanes,
            queue: queue,
            intake: intake,
            apiURL: apiURL
        )
        let token = try BotArguments.token(try givenToken(), from: source)
        let view: BotView = try await client.withClient {
            try await $0.post("/v1/bots", AddBotRequest(spec: spec, token: token.reveal()), deadline: .seconds(60))
        }
        try output.show(view, table: FleetTables.bot)
    }

    private var source: String { tokenFile ?? (tokenStdin ? "standard input" : "FLEET_BOT_TOKEN") }

    private func givenToken() throws -> String {
        if let tokenFile {
            guard let text = TextFile.read(tokenFile) else { throw Fault("the token file \(tokenFile) cannot be read") }
            return text
        }
        if tokenStdin { return readLine() ?? "" }
        guard let text = Environment.value("FLEET_BOT_TOKEN") else {
            throw Fault("no token: give it with --token-file PATH, --token-stdin or FLEET_BOT_TOKEN", status: .usage)
        }
        return text
    }
}
