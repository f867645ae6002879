import FleetModel

/// A change of config from a command line: `--set key=value`, `--unset key`.
public enum ConfigArguments {
    /// Reads `key=value` by the key's type; everything wrong comes at once.
    public static func values(_ assignments: [String]) throws(ConfigFile.Problems) -> [String: ConfigValue] {
        var values: [String: ConfigValue] = [:]
        var problems: [ConfigFile.Problem] = []
        for assignment in assignments {
            guard let split = assignment.firstIndex(of: "="), split != assignment.startIndex else {
                problems.append(.init(file: "--set \(assignment)", line: nil, message: "expected key=value"))
                continue
            }
            let key = String(assignment[..<split])
            do throws(ConfigProblem) {
                values[key] = try ConfigSchema.parse(
                    key: key, text: String(assignment[assignment.index(after: split)...]))
            } catch {
                problems.append(.init(file: "--set", line: nil, message: error.description))
            }
        }
        guard problems.isEmpty else { throw ConfigFile.Problems(all: problems) }
        return values
    }

    /// Keys to remove; each must exist in the schema and not be set in the same change.
    public static func removals(
        _ keys: [String],
        besides set: [String: ConfigValue]
    ) throws(ConfigFile.Problems) -> [String] {
        let problems = keys.compactMap { key -> ConfigFile.Problem? in
            if ConfigSchema.key(key) == nil {
                return .init(file: "--unset", line: nil, message: "\(key): \(ConfigSchema.unknown(key))")
            }
            return set[key] == nil ? nil : .init(file: "--unset", line: nil, message: "\(key): both set and unset")
        }
        guard problems.isEmpty else { throw ConfigFile.Problems(all: problems) }
        return keys
    }

    /// `--label k=v`, `--bot ID` or neither.
    public static func scope(label: String?, bot: String?) throws(Fault) -> ConfigScope {
        switch (label, bot) {
        case (nil, nil): return .global
        case (let label?, nil):
            guard let scope = ConfigScope("label:\(label)") else {
                throw Fault("--label \(label): expected key=value", status: .usage)
            }
            return scope
        case (nil, let bot?):
            guard let id = BotID(bot) else { throw Fault("--bot \(bot): not a bot's name", status: .usage) }
            return .bot(id)
        case (_?, _?): throw Fault("--label and --bot exclude each other", status: .usage)
        }
    }
}
