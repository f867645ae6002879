/// Why a config value is refused. One line, naming the key and what would be right.
public struct ConfigProblem: Error, Sendable, Equatable, Codable, CustomStringConvertible {
    public let key: String
    public let reason: String
    public var description: String { "\(key): \(reason)" }

    public init(key: String, reason: String) {
        self.key = key
        self.reason = reason
    }
}

extension ConfigSchema {
    /// Everything that is wrong with `values`, in the order of their keys; empty when they may be used.
    public static func problems(in values: [String: ConfigValue]) -> [ConfigProblem] {
        values.sorted { $0.key < $1.key }.compactMap { problem(key: $0.key, value: $0.value) }
    }

    public static func problem(key name: String, value: ConfigValue) -> ConfigProblem? {
        guard let key = key(name) else { return ConfigProblem(key: name, reason: unknown(name)) }
        return key.reason(toRefuse: value).map { ConfigProblem(key: name, reason: $0) }
    }

    /// `unknown key; did you mean greeting?`
    public static func unknown(_ name: String) -> String {
        guard let nearest = nearest(to: name) else { return "unknown key" }
        return "unknown key; the nearest valid key is \(nearest)"
    }

    /// The valid key with the smallest edit distance.
    public static func nearest(to name: String) -> String? {
        keys.map { (name: $0.name, distance: editDistance($0.name, name)) }.min { $0.distance < $1.distance }?.name
    }

    /// Reads a value given as text (`--set key=value`) by the key's type.
    public static func parse(key name: String, text: String) throws(ConfigProblem) -> ConfigValue {
        guard let key = key(name) else { throw ConfigProblem(key: name, reason: unknown(name)) }
        let value: ConfigValue? =
            switch key.type {
            case .bool: text == "true" ? .bool(true) : text == "false" ? .bool(false) : nil
            case .int: Int64(text).map { .int($0) }
            case .number: Double(text).map { .double($0) }
            case .text, .choice: .string(text)
            case .menu: nil
            }
        guard let value else { throw ConfigProblem(key: name, reason: "expected \(key.accepts), got '\(text)'") }
        if let problem = problem(key: name, value: value) { throw problem }
        return value
    }

    private static func editDistance(_ left: String, _ right: String) -> Int {
        let right = Array(right.utf8)
        var row = Array(0...right.count)
        for (i, a) in left.utf8.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, b) in right.enumerated() {
                let substituted = diagonal + (a == b ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(substituted, row[j] + 1, diagonal + 1)
            }
        }
        return row[right.count]
    }
}

extension ConfigKey {
    fileprivate func reason(toRefuse value: ConfigValue) -> String? {
        switch (type, value) {
        case (.bool, .bool): nil
        case (.int(let range), .int(let number)): range.contains(number) ? nil : outOfRange("\(number)")
        case (.number(let range), .int(let number)): range.contains(Double(number)) ? nil : outOfRange("\(number)")
        case (.number(let range), .double(let number)): range.contains(number) ? nil : outOfRange("\(number)")
        case (.text(let max), .string(let text)): text.count <= max ? nil : outOfRange("\(text.count) characters")
        case (.choice(let names), .string(let text)): names.contains(text) ? nil : outOfRange("'\(text)'")
        case (.menu, .object): MenuTree.problem(in: value)
        default: "expected \(accepts), got \(value.typeName)"
        }
    }

    private func outOfRange(_ got: String) -> String { "expected \(accepts), got \(got)" }
}
