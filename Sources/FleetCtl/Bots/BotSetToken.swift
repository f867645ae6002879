import ArgumentParser
import FleetCtlKit
import FleetModel

struct BotSetToken: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set-token",
        abstract: "Gives a bot its new token, after BotFather has revoked the old one.",
        discussion: """
            The token comes from --token-file, --token-stdin or FLEET_BOT_TOKEN, or is asked for. Workers and gateways \
            go on with it within half a minute, without a restart. A token of another bot is refused.
            """)
    @Argument(help: "The bot's name.") var bot: BotID
    @Flag(help: "Do not ask Telegram whose the token is.") var noCheck = false
    @OptionGroup var token: TokenOptions
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let request = SetTokenRequest(token: try token.read().reveal(), check: !noCheck)
        let view: BotView = try await client.withClient {
            try await $0.post("/v1/bots/\(bot)/token", request, deadline: .seconds(60))
        }
        try output.show(view, table: FleetTables.bot)
        Console.write(FleetTables.troubles([view]))
    }
}
