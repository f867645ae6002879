import FleetModel

/// What the auditor found.
public struct AuditResult: Sendable, Equatable, Codable {
    public enum Offence: String, Sendable, Codable, CaseIterable {
        case lost
        /// Took effect twice in the database.
        case twice
        /// Out of order within a chat.
        case disorder
        /// A message that went out again although nothing had happened.
        case unexplained
        /// Still unsent or parked although all is over.
        case left
    }

    public struct Violation: Sendable, Equatable, Codable {
        public var offence: Offence
        public var bot: BotID
        public var chat: Int64?
        public var updateID: Int64?
        public var text: String
    }

    /// A message that was received more than once.
    public struct Repeat: Sendable, Equatable, Codable {
        public var bot: BotID
        public var chat: Int64
        public var updateID: Int64?
        /// When the copy before it came, and when it came: microseconds since 1970.
        public var first: Int64
        public var again: Int64
        /// The fault that explains it; `nil`: none does.
        public var fault: Int?
        public var cause: String?
    }

    public var injected = 0
    public var settled = 0
    public var replied = 0
    /// How many of each offence.
    public var counts: [String: Int] = Dictionary(uniqueKeysWithValues: Offence.allCases.map { ($0.rawValue, 0) })
    /// The first of each, at most ``listed``.
    public var violations: [Violation] = []
    public var repeats: [Repeat] = []

    static let listed = 50

    public init() {}

    public subscript(_ offence: Offence) -> Int { counts[offence.rawValue] ?? 0 }
    public var isClean: Bool { counts.values.allSatisfy { $0 == 0 } }

    mutating func add(_ offence: Offence, _ bot: BotID, _ chat: Int64?, _ update: Int64?, _ text: String) {
        counts[offence.rawValue, default: 0] += 1
        guard self[offence] <= Self.listed else { return }
        violations.append(Violation(offence: offence, bot: bot, chat: chat, updateID: update, text: text))
    }
}
