import ArgumentParser
import FleetCtlKit

enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case table, json
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
