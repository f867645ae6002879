import ArgumentParser
import FleetCtlKit
import FleetModel

struct Config: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows the config, its history and its keys.",
        subcommands: [ConfigShow.self, ConfigHistory.self, ConfigExplain.self, ConfigKeys.self])
}

struct ConfigShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "What is set, by scope; or all that one bot runs with.")
    @Option(help: "Everything this bot runs with.") var bot: BotID?
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let path = "/v1/config" + (bot.map { "?bot=\($0)" } ?? "")
        let view: ConfigView = try await client.withClient { try await $0.get(path) }
        try output.show(view, table: ConfigTables.show)
    }
}

struct ConfigHistory: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "history", abstract: "Who changed what, newest first.")
    @Option(help: "At most so many changes.") var limit = 20
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let history: [GenerationView] = try await client.withClient {
            try await $0.get("/v1/config/history?limit=\(limit)")
        }
        try output.show(history, table: ConfigTables.history)
    }
}

struct ConfigExplain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "Why a bot has a key's value: where it comes from, and what the key takes.")
    @Argument(help: "The bot's name.") var bot: BotID
    @Argument(help: "The key.") var key: String
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        guard ConfigSchema.key(key) != nil else { throw Fault("\(key): \(ConfigSchema.unknown(key))") }
        let view: ConfigView = try await client.withClient { try await $0.get("/v1/config?bot=\(bot)") }
        guard let entry = view.effective?.first(where: { $0.key == key }) else {
            throw Fault("the coordinator does not know the key \(key); do its version and this one's fit?")
        }
        try output.show(entry) { ConfigTables.explain($0, bot: bot) }
    }
}

struct ConfigKeys: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys", abstract: "Every key there is, with what it takes, its default and its meaning.")
    @Flag(help: "As the table of docs/config.md.") var markdown = false
    @OptionGroup var output: OutputOptions

    func run() throws {
        try output.show(ConfigKeysTable.entries) { _ in markdown ? ConfigKeysTable.markdown() : ConfigKeysTable.text() }
    }
}
