import ArgumentParser
import FleetCtlKit
import FleetModel

extension DeadLetterKind: ExpressibleByArgument {}

/// Which dead letters; the same for every command.
struct DeadLetterFilterOptions: ParsableArguments {
    @Option(help: "Only of this bot.") var bot: BotID?
    @Option(help: "handler, unreadable, crash, database or broker.") var kind: DeadLetterKind?
    @Option(help: "Only whose reason has this in it.") var reason: String?
    @Option(help: "Given up then or later: 2h, 7d (ago), 2026-11-23, 2026-11-23T08:20 (UTC).") var since: String?
    @Option(help: "Given up before.") var until: String?
    @Flag(help: "Only those that were put back before.") var replayed = false
    @Flag(help: "Only those that were not.") var unreplayed = false

    func validate() throws { _ = try filter() }

    func filter(numbers: [Int64] = []) throws -> DeadLetterFilter {
        if replayed, unreplayed { throw ValidationError("--replayed and --unreplayed exclude each other") }
        var filter = DeadLetterFilter(numbers: numbers.isEmpty ? nil : numbers, bot: bot)
        filter.kind = kind
        filter.reason = reason
        filter.since = try time(since, "--since")
        filter.until = try time(until, "--until")
        filter.replayed = replayed ? true : unreplayed ? false : nil
        if let problem = filter.problem { throw ValidationError(problem) }
        return filter
    }

    private func time(_ text: String?, _ option: String) throws -> Timestamp? {
        guard let text else { return nil }
        guard let time = TimeText.parse(text, now: .now) else {
            throw ValidationError("\(option) \(text): expected a time such as 2h, 2026-11-23 or 2026-11-23T08:20")
        }
        return time
    }
}
