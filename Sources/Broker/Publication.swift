/// A message to publish.
public struct Publication: Sendable, Equatable {
    /// Empty: the default exchange, which routes to the queue named by `routingKey`. At most 255 bytes.
    public var exchange: String
    /// At most 255 bytes.
    public var routingKey: String
    public var body: [UInt8]
    public var contentType: String?
    public var headers: [String: AMQPValue]
    public var replyTo: String?
    public var correlationID: String?
    public var messageID: String?
    /// Survives a restart of the broker in a durable queue.
    public var persistent: Bool
    /// Comes back as ``PublishOutcome/returned(code:text:)`` when no queue takes it, instead of vanishing.
    public var mandatory: Bool

    public init(
        exchange: String = "",
        routingKey: String,
        body: [UInt8],
        contentType: String? = nil,
        headers: [String: AMQPValue] = [:],
        replyTo: String? = nil,
        correlationID: String? = nil,
        messageID: String? = nil,
        persistent: Bool = true,
        mandatory: Bool = true
    ) {
        self.exchange = exchange
        self.routingKey = routingKey
        self.body = body
        self.contentType = contentType
        self.headers = headers
        self.replyTo = replyTo
        self.correlationID = correlationID
        self.messageID = messageID
        self.persistent = persistent
        self.mandatory = mandatory
    }
}

/// What became of one publication.
public enum PublishOutcome: Sendable, Equatable {
    /// The broker has it: on disk, or on a quorum of nodes, for persistent messages in durable queues.
    case confirmed
    /// The broker refused it: the queue is full (`x-overflow: reject-publish`), or it failed inside. Not stored.
    case nacked
    /// No queue is bound for it (312), or the like. Not stored.
    case returned(code: Int, text: String)
    /// It was sent, and then the connection was lost or the deadline passed: it may or may not be stored.
    case unknown
    /// It was never sent, so publishing it again cannot make it double.
    case unsent

    public var isConfirmed: Bool { self == .confirmed }
}
