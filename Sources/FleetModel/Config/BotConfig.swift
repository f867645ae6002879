/// The resolved config of one bot at one generation. Reading a key falls back to the schema's default.
public struct BotConfig: Sendable, Equatable {
    public let generation: Int64
    /// What is set; keys that are not have the schema's default.
    public let values: [String: ConfigValue]

    public init(values: [String: ConfigValue] = [:], generation: Int64 = 0) {
        self.values = values
        self.generation = generation
    }

    public func value(_ key: String) -> ConfigValue? { values[key] ?? ConfigSchema.key(key)?.standard }

    public func text(_ key: String) -> String {
        if case .string(let text) = value(key) { return text }
        return ""
    }

    public func int(_ key: String) -> Int {
        switch value(key) {
        case .int(let number): Int(number)
        case .double(let number): Int(number)
        default: 0
        }
    }

    public func number(_ key: String) -> Double {
        switch value(key) {
        case .int(let number): Double(number)
        case .double(let number): number
        default: 0
        }
    }

    public func bool(_ key: String) -> Bool { value(key) == .bool(true) }

    /// A key whose unit is milliseconds.
    public func milliseconds(_ key: String) -> Duration { .milliseconds(int(key)) }
}
