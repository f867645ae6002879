import ArgumentParser
import Glibc
import Synchronization
import TelegramSimulation
import UnixSignals

@main struct Main: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "telegram-simulator",
        abstract: "A Bot API server for development, tests and load, with users to speak for and faults on demand.",
        discussion: "Ends with exit code 0 on SIGTERM or SIGINT, and with 1 when it cannot start."
    )

    @Option(help: ArgumentHelp("Where to listen; port 0 takes a free one.", valueName: "host:port"))
    var listen = ListenAddress(host: "127.0.0.1", port: 8081)

    @Option(help: ArgumentHelp("Writes the port it listens on to this file.", valueName: "path"))
    var portFile: String?

    @Flag(help: "New bots are held to Telegram's published sending limits.")
    var enforceLimits = false

    @Flag(help: "New bots may name chats, messages and queries that the simulator has not seen.")
    var acceptUnknown = false

    @Option(help: "Decides generated tokens, first update ids and the course of faults; random when not given.")
    var seed: UInt64?

    @Option(help: "Log entries kept of each new bot; the oldest go first.")
    var logCapacity = BotOptions().logCapacity

    @Option(help: "Updates of each new bot that may wait unconfirmed; further ones are refused.")
    var queueCapacity = BotOptions().queueCapacity

    @Option(help: "Threads that serve connections.")
    var threads = 2

    func validate() throws {
        guard (1...64).contains(threads) else { throw ValidationError("--threads is 1 to 64") }
        guard logCapacity > 0, queueCapacity > 0 else { throw ValidationError("a capacity is above 0") }
    }

    func run() async throws {
        do throws(SimulatorError) {
            try await serve()
        } catch {
            Self.say("\(error)")
            throw ExitCode(1)
        }
    }

    private func serve() async throws(SimulatorError) {
        var configuration = Simulation.Configuration(seed: seed ?? UInt64.random(in: 1...UInt64(UInt32.max)))
        configuration.options.enforceLimits = enforceLimits
        configuration.options.acceptUnknown = acceptUnknown
        configuration.options.logCapacity = logCapacity
        configuration.options.queueCapacity = queueCapacity
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        let sender = try WebhookSender()
        let simulation = Simulation(configuration) { bot in sender.work(bot) }
        let server = try await SimulatorServer(simulation, host: listen.host, port: listen.port, threads: threads)
        if let portFile { try PortFile.write(server.port, to: portFile) }
        Self.say("listening on http://\(listen.hostInURL):\(server.port) (seed \(configuration.seed))")
        for await _ in signals { break }
        await sender.shutdown()
        await server.shutdown()
    }

    private static func say(_ text: String) {
        let line = Array("telegram-simulator: \(text)\n".utf8)
        _ = write(STDERR_FILENO, line, line.count)
    }
}

/// `HOST:PORT`, with an IPv6 address in brackets.
struct ListenAddress: ExpressibleByArgument {
    let host: String
    let port: Int

    init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    init?(argument: String) {
        guard let colon = argument.lastIndex(of: ":"), let port = UInt16(argument[argument.index(after: colon)...])
        else { return nil }
        var host = argument[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        guard !host.isEmpty else { return nil }
        self.init(host: String(host), port: Int(port))
    }

    var hostInURL: String { host.contains(":") ? "[\(host)]" : host }

    var defaultValueDescription: String { "\(hostInURL):\(port)" }
}
