/// Which dead letters are meant: those for which everything that is set holds.
public struct DeadLetterFilter: Sendable, Codable, Equatable {
    /// At most ``mostNumbers``.
    public var numbers: [Int64]?
    public var bot: BotID?
    public var kind: DeadLetterKind?
    /// A part of the reason, in any letter case; at most ``longestReason`` bytes.
    public var reason: String?
    /// Given up then or later.
    public var since: Timestamp?
    /// Given up before.
    public var until: Timestamp?
    public var replayed: Bool?

    public static let mostNumbers = 1000
    public static let longestReason = 200

    public init(numbers: [Int64]? = nil, bot: BotID? = nil) {
        self.numbers = numbers
        self.bot = bot
    }

    /// Whether it means all, or all but the replayed, or all of these.
    public var namesNoneInParticular: Bool {
        numbers == nil && bot == nil && kind == nil && reason == nil && since == nil && until == nil
    }

    /// What is wrong with it, in one line; `nil` when nothing is.
    public var problem: String? {
        if let numbers, numbers.isEmpty || numbers.count > Self.mostNumbers || numbers.contains(where: { $0 <= 0 }) {
            return "numbers: expected 1 to \(Self.mostNumbers) numbers above 0"
        }
        if let reason, reason.isEmpty || reason.utf8.count > Self.longestReason {
            return "reason: expected 1 to \(Self.longestReason) bytes"
        }
        if let since, let until, since >= until { return "since \(since) is not before until \(until)" }
        return nil
    }

    // MARK: As a query

    /// Names and values for a URL's query, not yet escaped.
    public var query: [(name: String, value: String)] {
        var items: [(name: String, value: String)] = []
        if let numbers { items.append(("numbers", numbers.map { "\($0)" }.joined(separator: ","))) }
        if let bot { items.append(("bot", bot.rawValue)) }
        if let kind { items.append(("kind", kind.rawValue)) }
        if let reason { items.append(("reason", reason)) }
        if let since { items.append(("since", since.description)) }
        if let until { items.append(("until", until.description)) }
        if let replayed { items.append(("replayed", "\(replayed)")) }
        return items
    }

    /// Reads what ``query`` wrote.
    /// - Parameter value: the value of a name, unescaped.
    /// - Throws: what is wrong, in one line.
    public init(query value: (String) -> String?) throws(Problem) {
        func parsed<Value>(_ name: String, _ expected: String, _ parse: (String) -> Value?) throws(Problem) -> Value? {
            guard let text = value(name) else { return nil }
            guard let value = parse(text) else { throw Problem(description: "\(name): expected \(expected)") }
            return value
        }
        numbers = try parsed("numbers", "numbers with commas between them") { text in
            let parts = text.split(separator: ",", omittingEmptySubsequences: false).map { Int64($0) }
            return parts.contains { $0 == nil } ? nil : parts.compactMap(\.self)
        }
        bot = try parsed("bot", "a bot's id: 1 to 63 of a-z 0-9 _ -, the first a letter or a digit") { BotID($0) }
        kind = try parsed("kind", DeadLetterKind.allCases.map(\.rawValue).joined(separator: ", ")) {
            DeadLetterKind(rawValue: $0)
        }
        reason = value("reason")
        since = try parsed("since", "a UTC time such as 2026-11-23T08:00:00Z") { Timestamp($0) }
        until = try parsed("until", "a UTC time such as 2026-11-23T08:00:00Z") { Timestamp($0) }
        replayed = try parsed("replayed", "true or false") { Bool($0) }
        if let problem { throw Problem(description: problem) }
    }

    public struct Problem: Error, Equatable, CustomStringConvertible {
        public let description: String
    }
}
