/// One numbered change of the fleet's config. Generation 0 is the empty config.
public struct ConfigGeneration: Sendable, Codable, Equatable {
    public var number: Int64
    public var scope: ConfigScope
    /// Keys to set.
    public var set: [String: ConfigValue]
    /// Keys to remove from the scope, so that the wider one shows through again.
    public var unset: [String]
    /// SHA-256 over the previous generation's hash and this change, in hexadecimal: equal hashes mean equal histories.
    public var hash: String

    public init(number: Int64, scope: ConfigScope, set: [String: ConfigValue], unset: [String] = [], hash: String) {
        self.number = number
        self.scope = scope
        self.set = set
        self.unset = unset
        self.hash = hash
    }

    /// The text that is hashed together with the previous hash.
    public static func canonicalText(scope: ConfigScope, set: [String: ConfigValue], unset: [String]) -> String {
        "\(scope)\n\(ConfigValue.object(set))\n\(unset.sorted().joined(separator: ","))"
    }
}

/// All values of all scopes at one generation, as far as a process needs them.
public struct ConfigState: Sendable, Equatable {
    public var generation: Int64
    public var hash: String
    public var values: [ConfigScope: [String: ConfigValue]]

    public init(generation: Int64 = 0, hash: String = "", values: [ConfigScope: [String: ConfigValue]] = [:]) {
        self.generation = generation
        self.hash = hash
        self.values = values
    }

    /// Applies the next generation. Returns `false`, changing nothing, when `change` is not the next one: the config
    /// must then be reread whole.
    public mutating func apply(_ change: ConfigGeneration) -> Bool {
        guard change.number == generation + 1 else { return false }
        for key in change.unset { values[change.scope]?[key] = nil }
        for (key, value) in change.set { values[change.scope, default: [:]][key] = value }
        generation = change.number
        hash = change.hash
        return true
    }

    /// The scopes that bear on a bot, widest first. Labels come in the order of their keys.
    public func scopes(of bot: BotID, labels: [String: String]) -> [ConfigScope] {
        [.global] + labels.sorted { $0.key < $1.key }.map { .label(key: $0.key, value: $0.value) } + [.bot(bot)]
    }

    /// The value of `key` for a bot and the scope it comes from; `nil` when only the schema's default applies.
    public func explain(_ key: String, bot: BotID, labels: [String: String]) -> (
        value: ConfigValue, scope: ConfigScope
    )? {
        for scope in scopes(of: bot, labels: labels).reversed() {
            if let value = values[scope]?[key] { return (value, scope) }
        }
        return nil
    }

    /// What a bot runs with: every key of the schema, resolved.
    public func effective(bot: BotID, labels: [String: String]) -> BotConfig {
        var merged: [String: ConfigValue] = [:]
        for scope in scopes(of: bot, labels: labels) {
            merged.merge(values[scope] ?? [:]) { _, narrower in narrower }
        }
        return BotConfig(values: merged, generation: generation)
    }
}
