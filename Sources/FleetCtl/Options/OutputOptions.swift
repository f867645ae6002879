import ArgumentParser
import FleetCtlKit

enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case table, json
}

/// The answer of a command that has nothing to show but that it is done.
struct Done: Encodable {
    let state: String
    var home: String?
    var bot: String?

    init(_ state: String, home: String? = nil, bot: String? = nil) {
        self.state = state
        self.home = home
        self.bot = bot
    }

    /// A line as short as it can be: `stopped /srv/fleet`.
    var text: String { ([state] + [home, bot].compactMap(\.self)).joined(separator: " ") + "\n" }
}

struct OutputOptions: ParsableArguments {
    @Option(name: [.short, .long], help: "table or json.")
    var output: OutputFormat = .table

    /// Prints the answer: as JSON, or as the text that `table` makes of it.
    func show<Value: Encodable>(_ value: Value, table: (Value) -> String) throws {
        switch output {
        case .json: print(try JSONOutput.text(value))
        case .table: print(table(value), terminator: "")
        }
    }
}
