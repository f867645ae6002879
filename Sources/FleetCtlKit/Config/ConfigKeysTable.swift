import FleetModel

/// The config's schema for people: on a terminal, and as docs/config.md has it.
public enum ConfigKeysTable {
    public static func text() -> String {
        var out = ""
        for key in ConfigSchema.keys {
            out += "\(key.name) = \(shown(key.standard))\n    \(key.help)\n    Takes \(key.accepts).\n"
        }
        return out
    }

    public static func markdown() -> String {
        var out = "| key | takes | default | meaning |\n| --- | --- | --- | --- |\n"
        for key in ConfigSchema.keys {
            out += "| `\(key.name)` | \(key.accepts) | `\(shown(key.standard))` | \(key.help) |\n"
        }
        return out
    }

    private static func shown(_ value: ConfigValue) -> String {
        if case .double(let number) = value, number == number.rounded(), abs(number) < 1e15 {
            return "\(Int64(number))"
        }
        return value.description
    }

    /// One key, as `-o json` prints it.
    public struct Entry: Encodable, Sendable {
        public let key: String
        public let accepts: String
        public let standard: ConfigValue
        public let help: String
    }

    public static var entries: [Entry] {
        ConfigSchema.keys.map { Entry(key: $0.name, accepts: $0.accepts, standard: $0.standard, help: $0.help) }
    }
}
