import ArgumentParser
import FleetCtlKit
import FleetModel

struct BotCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bot",
        abstract: "Adds, shows, changes, starts, stops and removes bots.",
        subcommands: [
            BotAdd.self, BotList.self, BotShow.self, BotSet.self, BotStart.self, BotStop.self, BotRestart.self,
            BotSetToken.self, BotRemove.self,
        ])
}

extension BotID: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}

extension QueueKind: ExpressibleByArgument {}
extension IntakeMode: ExpressibleByArgument {}

struct BotList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "Shows all bots.")
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let bots: [BotView] = try await client.withClient { try await $0.get("/v1/bots") }
        try output.show(bots, table: FleetTables.bots)
    }
}

struct BotShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "Shows one bot.")
    @Argument(help: "The bot's name.") var bot: BotID
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let view: BotView = try await client.withClient { try await $0.get("/v1/bots/\(bot)") }
        try output.show(view) { FleetTables.bot($0) + FleetTables.troubles([$0]) }
    }
}

struct BotStart: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "start", abstract: "Has a bot run.")
    @Argument(help: "The bot's name.") var bot: BotID
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func run() async throws { try await change(bot, "start", client, output) }
}

struct BotStop: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stop", abstract: "Has a bot finish what it has begun and stop; updates wait in its queue.")
    @Argument(help: "The bot's name.") var bot: BotID
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func run() async throws { try await change(bot, "stop", client, output) }
}

struct BotRestart: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "restart", abstract: "Restarts a bot's workers.")
    @Argument(help: "The bot's name.") var bot: BotID
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func run() async throws { try await change(bot, "restart", client, output) }
}

private func change(_ bot: BotID, _ verb: String, _ client: ClientOptions, _ output: OutputOptions) async throws {
    let view: BotView = try await client.withClient {
        try await $0.post("/v1/bots/\(bot)/\(verb)", deadline: .seconds(60))
    }
    try output.show(view, table: FleetTables.bot)
}

struct BotRemove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Stops a bot and forgets it, its token and its waiting updates.")
    @Argument(help: "The bot's name.") var bot: BotID
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await client.withClient { try await $0.delete("/v1/bots/\(bot)") }
        try output.show(Done("removed", bot: bot.rawValue), table: \.text)
    }
}
