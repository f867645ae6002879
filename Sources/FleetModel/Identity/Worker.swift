/// One life of a worker process. A restarted worker keeps its name and gets a new incarnation, so a tally can tell
/// "died" from "late".
public struct Incarnation: Hashable, Sendable, Codable, CustomStringConvertible {
    /// 16 lower-case hexadecimal digits.
    public let rawValue: String

    public init(rawValue: String) { self.rawValue = rawValue }

    /// A fresh random one.
    public init() {
        let digits = String(UInt64.random(in: .min ... .max), radix: 16)
        rawValue = String(repeating: "0", count: 16 - digits.count) + digits
    }

    public init(from decoder: any Decoder) throws {
        rawValue = try decoder.singleValueContainer().decode(String.self)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rawValue)
    }

    public var description: String { rawValue }
}

/// Who a worker is: its name in the fleet (stable over restarts) and its present incarnation.
public struct WorkerIdentity: Hashable, Sendable, Codable, CustomStringConvertible {
    public let name: String
    public let incarnation: Incarnation

    public init(name: String, incarnation: Incarnation = Incarnation()) {
        self.name = name
        self.incarnation = incarnation
    }

    public var description: String { "\(name)/\(incarnation)" }
}

/// Where a worker is in its life.
public enum WorkerState: String, Sendable, Codable, CaseIterable {
    case starting, running, draining, stopped, failed
}
