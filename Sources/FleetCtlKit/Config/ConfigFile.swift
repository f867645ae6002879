import FleetModel
import Yams

/// A file of config values: YAML (so JSON too), a map from keys to values.
///
/// ```yaml
/// greeting: "Hello, you said:"
/// settle.batch_size: 200        # or nested:
/// flood: {limits: false}
/// ```
public struct ConfigFile: Sendable, Equatable {
    public let values: [String: ConfigValue]

    /// What is wrong with a file, and where.
    public struct Problem: Error, Sendable, Equatable, CustomStringConvertible {
        public let file: String
        /// From 1; `nil` when the whole file is meant.
        public let line: Int?
        public let message: String

        public var description: String { (line.map { "\(file):\($0)" } ?? file) + ": \(message)" }
    }

    /// All that is wrong, in the order of the lines.
    public struct Problems: Error, Sendable, Equatable {
        public let all: [Problem]
    }

    /// - Parameter name: what problems call the file.
    public init(name: String, text: String) throws(Problems) {
        var reader = Reader(file: name)
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch {
            throw Problems(all: [Self.problem(error, file: name)])
        }
        guard let root else { throw Problems(all: [Problem(file: name, line: nil, message: "the file is empty")]) }
        guard case .mapping(let mapping) = root else {
            throw Problems(all: [
                Problem(file: name, line: root.mark?.line, message: "expected a map of keys to values")
            ])
        }
        reader.read(mapping, prefix: "")
        if reader.problems.isEmpty, reader.values.isEmpty {
            reader.problems.append(Problem(file: name, line: nil, message: "the file sets nothing"))
        }
        guard reader.problems.isEmpty else { throw Problems(all: reader.problems) }
        values = reader.values
    }

    /// A parser's error in one line.
    private static func problem(_ error: any Error, file: String) -> Problem {
        switch error {
        case YamlError.scanner(_, let problem, let mark, _), YamlError.parser(_, let problem, let mark, _),
            YamlError.composer(_, let problem, let mark, _):
            return Problem(file: file, line: mark.line, message: "not valid YAML: \(problem)")
        case YamlError.duplicatedKeysInMapping(let duplicates, let context):
            let names = duplicates.sorted().joined(separator: ", ")
            return Problem(file: file, line: context.mark.line, message: "given twice: \(names)")
        default:
            return Problem(file: file, line: nil, message: "not valid YAML")
        }
    }
}

/// Walks the tree, collecting values and problems.
private struct Reader {
    let file: String
    var values: [String: ConfigValue] = [:]
    var problems: [ConfigFile.Problem] = []

    mutating func read(_ mapping: Node.Mapping, prefix: String) {
        for (keyNode, valueNode) in mapping {
            guard let part = keyNode.string else {
                add(keyNode, "a key must be text")
                continue
            }
            let name = prefix + part
            if ConfigSchema.key(name) != nil {
                readValue(name, keyNode, valueNode)
            } else if case .mapping(let inner) = valueNode,
                ConfigSchema.keys.contains(where: { $0.name.hasPrefix(name + ".") })
            {
                read(inner, prefix: name + ".")
            } else {
                add(keyNode, "\(name): \(ConfigSchema.unknown(name))")
            }
        }
    }

    private mutating func readValue(_ name: String, _ keyNode: Node, _ valueNode: Node) {
        guard let value = YAMLValue.convert(valueNode) else {
            return add(keyNode, "\(name): there is no value; to remove a key use --unset \(name)")
        }
        guard values[name] == nil else { return add(keyNode, "\(name): given twice") }
        if let problem = ConfigSchema.problem(key: name, value: value) {
            var message = problem.description
            if case .text = ConfigSchema.key(name)?.type, case .scalar = valueNode, value.isScalarOtherThanText {
                message += "; put it in quotes"
            }
            return add(keyNode, message)
        }
        values[name] = value
    }

    private mutating func add(_ node: Node, _ message: String) {
        problems.append(ConfigFile.Problem(file: file, line: node.mark?.line, message: message))
    }
}

extension ConfigValue {
    fileprivate var isScalarOtherThanText: Bool {
        switch self {
        case .bool, .int, .double: true
        case .string, .list, .object: false
        }
    }
}

/// YAML's scalars by the core schema: quoted ones are text.
enum YAMLValue {
    /// `nil` for null, also inside of lists and maps.
    static func convert(_ node: Node) -> ConfigValue? {
        switch node {
        case .scalar(let scalar): return convert(scalar, node)
        case .sequence(let sequence):
            let values = sequence.map(convert)
            return values.contains(where: { $0 == nil }) ? nil : .list(values.compactMap { $0 })
        case .mapping(let mapping):
            var members: [String: ConfigValue] = [:]
            for (key, value) in mapping {
                guard let name = key.string, let value = convert(value) else { return nil }
                members[name] = value
            }
            return .object(members)
        case .alias: return nil
        }
    }

    private static func convert(_ scalar: Node.Scalar, _ node: Node) -> ConfigValue? {
        if scalar.style != .plain, scalar.style != .any { return .string(scalar.string) }
        if node.tag == Tag(.null) { return nil }
        if let value = node.bool { return .bool(value) }
        if let value = node.int { return .int(Int64(value)) }
        if let value = node.float, value.isFinite { return .double(value) }
        return .string(scalar.string)
    }
}
