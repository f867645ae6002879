import ArgumentParser
import FleetCtlKit
import FleetModel

struct DeadLetters: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dlq",
        abstract: "Shows, replays and deletes updates that were given up.",
        subcommands: [
            DeadLettersList.self, DeadLettersShow.self, DeadLettersReplay.self, DeadLettersReplays.self,
            DeadLettersStop.self, DeadLettersPurge.self, DeadLettersCollect.self,
        ])
}

struct DeadLettersList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "Shows dead letters, newest first.")
    @OptionGroup var filter: DeadLetterFilterOptions
    @Option(help: "Only with lower numbers: the next page.") var before: Int64?
    @Option(help: "At most so many, up to 1000.") var limit = 50
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        var more = [(name: "limit", value: "\(limit)")]
        if let before { more.append(("before", "\(before)")) }
        let path = try filter.filter().path("/v1/dead-letters", more)
        let letters: [DeadLetterView] = try await client.withClient { try await $0.get(path) }
        let next = letters.count == limit ? letters.last.map { "the same with --before \($0.number)" } : nil
        try output.show(letters) { DeadLetterTables.list($0, next: next, now: .now) }
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

struct DeadLettersPurge: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "purge",
        abstract: "Deletes dead letters for good.",
        discussion: "Asks first on a terminal; elsewhere it needs --yes.")
    @Argument(help: "Numbers.") var numbers: [Int64] = []
    @OptionGroup var filter: DeadLetterFilterOptions
    @Flag(help: "All there are.") var all = false
    @Flag(help: "Do not ask.") var yes = false
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        let filter = try filter.filter(numbers: numbers)
        if all == (!filter.namesNoneInParticular || filter.replayed != nil) {
            throw ValidationError("name some by number or filter, or all with --all")
        }
    }

    func run() async throws {
        let filter = try filter.filter(numbers: numbers)
        let view: PurgeView? = try await client.withClient { client in
            if !yes {
                let count: DeadLetterCount = try await client.get(filter.path("/v1/dead-letters/count"))
                let text = "delete \(count.total) dead letters, \(count.unreplayed) of them never replayed?"
                guard try Confirmation.ask(text) else { return nil }
            }
            return try await client.post(
                "/v1/dead-letters/purge", PurgeRequest(filter: filter, all: all), deadline: .seconds(300))
        }
        guard let view else { throw Fault("nothing was deleted") }
        try output.show(view) { "purged \($0.purged)\n" }
    }
}

struct DeadLettersCollect: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "collect",
        abstract: "Moves what RabbitMQ itself gave up among the dead letters, now.",
        discussion: "The coordinator does so by itself every minute.")
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let view: CollectView = try await client.withClient {
            try await $0.post("/v1/dead-letters/collect", deadline: .seconds(120))
        }
        try output.show(view) { "collected \($0.collected)\n" }
        if let problem = view.problem { throw Fault("some may be left: \(problem)") }
    }
}
