/// What a coordinator publishes to workers, as JSON, with `reply_to` and `correlation_id` set to the message's id.
public struct ControlMessage: Sendable, Codable, Equatable {
    /// Unique; replies name it.
    public var id: String
    public var sentAt: Timestamp
    public var action: Action

    public enum Action: Sendable, Codable, Equatable {
        /// A new generation. A worker at exactly `generation.number - 1` applies the change; any other rereads the
        /// whole config from PostgreSQL.
        case config(ConfigGeneration)
        /// Answer with the generation you run.
        case ping
        /// Reread desired state and config from PostgreSQL.
        case refresh
        /// Stop fetching, finish, commit, ack, exit with status 0.
        case drain
    }

    public init(id: String, sentAt: Timestamp, action: Action) {
        self.id = id
        self.sentAt = sentAt
        self.action = action
    }
}

/// A worker's answer to a ``ControlMessage``, published to its `reply_to`.
public struct ControlReply: Sendable, Codable, Equatable {
    public var messageID: String
    public var worker: WorkerIdentity
    public var outcome: Outcome
    /// The generation the worker runs after this message.
    public var generation: Int64

    public enum Outcome: Sendable, Codable, Equatable {
        case applied
        /// The worker keeps what it had; the text says why.
        case refused(String)
    }

    public init(messageID: String, worker: WorkerIdentity, outcome: Outcome, generation: Int64) {
        self.messageID = messageID
        self.worker = worker
        self.outcome = outcome
        self.generation = generation
    }
}
