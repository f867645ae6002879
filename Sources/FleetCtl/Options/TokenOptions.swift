import ArgumentParser
import FleetCtlKit
import FleetModel
import Glibc
import LocalServices

/// Where a bot's token comes from: never the command line.
struct TokenOptions: ParsableArguments {
    @Option(help: "File that holds the token.") var tokenFile: String?
    @Flag(help: "Read the token from standard input.") var tokenStdin = false
    @Option(help: .hidden) var token: String?

    func validate() throws {
        guard token == nil else {
            throw ValidationError(
                """
                --token is not taken, because other users of this machine can read command lines; use --token-file \
                PATH, --token-stdin or FLEET_BOT_TOKEN. If the token is real, have BotFather revoke it.
                """)
        }
        if tokenFile != nil, tokenStdin { throw ValidationError("--token-file and --token-stdin exclude each other") }
    }

    /// Its form checked.
    func read() throws -> Secret {
        if let tokenFile {
            guard let text = TextFile.read(tokenFile) else { throw Fault("the token file \(tokenFile) cannot be read") }
            return try BotArguments.token(text, from: tokenFile)
        }
        if tokenStdin { return try BotArguments.token(readLine() ?? "", from: "standard input") }
        if let text = Environment.value("FLEET_BOT_TOKEN") {
            return try BotArguments.token(text, from: "FLEET_BOT_TOKEN")
        }
        // Asked without an echo.
        guard isatty(STDIN_FILENO) == 1, let typed = getpass("Token, as BotFather gave it: ") else {
            throw Fault("no token: give it with --token-file PATH, --token-stdin or FLEET_BOT_TOKEN", status: .usage)
        }
        return try BotArguments.token(String(cString: typed), from: "what was typed")
    }
}
