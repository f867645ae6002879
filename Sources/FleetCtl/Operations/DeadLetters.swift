import ArgumentParser
import FleetCtlKit
import FleetModel

struct DeadLetters: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dlq",
        abstract: "Shows and replays updates that could not be handled.",
        subcommands: [DeadLettersList.self, DeadLettersShow.self, DeadLettersReplay.self])
}

struct DeadLettersList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "Shows dead letters, newest first.")
    @Option(help: "Only of this bot.") var bot: BotID?
    @Option(help: "At most so many.") var limit = 50
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let path = "/v1/dead-letters?limit=\(limit)" + (bot.map { "&bot=\($0)" } ?? "")
        let letters: [DeadLetterView] = try await client.withClient { try await $0.get(path) }
        try output.show(letters, table: DeadLetterTables.list)
    }
}

struct DeadLettersShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "Shows one with its body.")
    @Argument(help: "Its number.") var number: Int64
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let letter: DeadLetterView = try await client.withClient { try await $0.get("/v1/dead-letters/\(number)") }
        try output.show(letter, table: DeadLetterTables.show)
    }
}

struct DeadLettersReplay: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Puts one back into its bot's queue, or all of a bot that were not replayed yet.",
        discussion: "Exit status 1 when one could not be put back.")
    @Argument(help: "Its number.") var number: Int64?
    @Option(help: "All of this bot.") var bot: BotID?
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if (number == nil) == (bot == nil) {
            throw ValidationError("name one by its NUMBER, or all of a bot with --bot")
        }
    }

    func run() async throws {
        let view: ReplayView = try await client.withClient {
            try await $0.post(
                "/v1/dead-letters/replay", ReplayRequest(number: number, bot: bot), deadline: .seconds(120))
        }
        try output.show(view, table: DeadLetterTables.replay)
        if !view.failed.isEmpty { throw ExitCode(ExitStatus.error.rawValue) }
    }
}
