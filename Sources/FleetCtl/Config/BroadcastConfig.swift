import ArgumentParser
import FleetCtlKit
import FleetModel
import LocalServices

struct BroadcastConfig: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "broadcast-config",
        abstract: "Changes the config of all bots, or some, at once.",
        discussion: """
            Everything is checked before anything is sent. Prints one row for each worker expected: applied, \
            refused, late or missing. Exit status 0: all applied; 3: somebody did not; 1: an error before sending.
            """)
    @Argument(help: "A YAML or JSON file of keys and values; - is standard input.") var file: String?
    @Option(help: "Set one key: key=value; may be repeated.") var set: [String] = []
    @Option(help: "Remove one key, so that the wider value shows through; may be repeated.") var unset: [String] = []
    @Option(help: "Only bots with this label, key=value.") var label: String?
    @Option(help: "Only this bot.") var bot: String?
    @Option(help: "How long to wait for answers.") var timeout = "10s"
    @Option(help: "Why, for the history.") var reason: String?
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        guard let wait = DurationText.parse(timeout), wait > .zero, wait <= .seconds(3600) else {
            throw Fault("--timeout \(timeout): expected a time such as 10s, at most 1h", status: .usage)
        }
        let request = try request(timeout: wait)
        let tally: TallyView = try await client.withClient {
            try await $0.post("/v1/config", request, deadline: wait + .seconds(15))
        }
        try output.show(tally, table: FleetTables.tally)
        if !tally.everyoneApplied { throw ExitCode(ExitStatus.notApplied.rawValue) }
    }

    private func request(timeout: Duration) throws -> ConfigBroadcastRequest {
        let scope = try ConfigArguments.scope(label: label, bot: bot)
        do {
            var values: [String: ConfigValue] = [:]
            if let file { values = try ConfigFile(name: file == "-" ? "stdin" : file, text: try text(of: file)).values }
            // What is said on the command line wins over the file.
            values.merge(try ConfigArguments.values(set)) { _, said in said }
            let removed = try ConfigArguments.removals(unset, besides: values)
            if values.isEmpty, removed.isEmpty {
                throw Fault("nothing to change: name a FILE, --set key=value or --unset key", status: .usage)
            }
            return ConfigBroadcastRequest(
                scope: scope, set: values, unset: removed, reason: reason,
                timeoutMilliseconds: Int(timeout.inMilliseconds))
        } catch let problems as ConfigFile.Problems {
            for problem in problems.all { Console.error(problem.description) }
            throw ExitCode(ExitStatus.error.rawValue)
        }
    }

    private func text(of file: String) throws -> String {
        if file == "-" {
            var text = ""
            while let line = readLine(strippingNewline: false) { text += line }
            return text
        }
        guard let text = TextFile.read(file) else { throw Fault("the file \(file) cannot be read") }
        return text
    }
}
