public struct ConfigBroadcastRequest: Sendable, Codable, Equatable {
    public var scope: ConfigScope
    public var set: [String: ConfigValue]
    public var unset: [String]
    public var reason: String?
    /// How long the tally waits for answers. The call returns as soon as the last expected one is in.
    public var timeoutMilliseconds: Int

    public init(
        scope: ConfigScope, set: [String: ConfigValue], unset: [String] = [], reason: String? = nil,
        timeoutMilliseconds: Int = 10_000
    ) {
        self.scope = scope
        self.set = set
        self.unset = unset
        self.reason = reason
        self.timeoutMilliseconds = timeoutMilliseconds
    }
}

/// Who was expected to answer a broadcast, and what became of each.
public struct TallyView: Sendable, Codable, Equatable {
    public var generation: Int64
    public var rows: [Row]
    /// From publishing to the last expected answer, or to the deadline.
    public var milliseconds: Double

    public struct Row: Sendable, Codable, Equatable {
        public var worker: WorkerIdentity
        public var bots: [BotID]
        public var result: Result
        /// From publishing to this answer.
        public var milliseconds: Double?
        /// Why it was refused, or is missing.
        public var reason: String?

        public init(worker: WorkerIdentity, bots: [BotID], result: Result, milliseconds: Double?, reason: String?) {
            self.worker = worker
            self.bots = bots
            self.result = result
            self.milliseconds = milliseconds
            self.reason = reason
        }
    }

    public enum Result: String, Sendable, Codable, CaseIterable {
        case applied, refused
        /// Still heard of, but no answer before the deadline.
        case late
        /// Not heard of any more, or died during the tally.
        case missing
    }

    public init(generation: Int64, rows: [Row], milliseconds: Double) {
        self.generation = generation
        self.rows = rows
        self.milliseconds = milliseconds
    }

    public func count(_ result: Result) -> Int { rows.count { $0.result == result } }
    public var everyoneApplied: Bool { rows.allSatisfy { $0.result == .applied } }
}

public struct ConfigView: Sendable, Codable, Equatable {
    public var generation: Int64
    public var hash: String
    /// Values set, by scope.
    public var scopes: [String: [String: ConfigValue]]
    /// With `?bot=`: every key with its value and the scope it comes from (`default` when from the schema).
    public var effective: [Entry]?

    public struct Entry: Sendable, Codable, Equatable {
        public var key: String
        public var value: ConfigValue
        public var source: String

        public init(key: String, value: ConfigValue, source: String) {
            self.key = key
            self.value = value
            self.source = source
        }
    }

    public init(generation: Int64, hash: String, scopes: [String: [String: ConfigValue]], effective: [Entry]?) {
        self.generation = generation
        self.hash = hash
        self.scopes = scopes
        self.effective = effective
    }
}

public struct GenerationView: Sendable, Codable, Equatable {
    public var generation: ConfigGeneration
    public var author: String
    public var reason: String?
    public var createdAt: Timestamp

    public init(generation: ConfigGeneration, author: String, reason: String?, createdAt: Timestamp) {
        self.generation = generation
        self.author = author
        self.reason = reason
        self.createdAt = createdAt
    }
}
