/// What a worker says of itself every ``interval``, as JSON, to the heartbeat exchange.
public struct Heartbeat: Sendable, Codable, Equatable {
    public var worker: WorkerIdentity
    public var bots: [BotID]
    /// The lanes, and movers, that it has claimed and not lost, as far as it knows.
    public var lanes: [LaneKey]?
    public var host: String
    /// The kernel and the space of process ids that `pid` belongs to; containers may share a host name and not these.
    public var machine: String?
    public var pid: Int32
    /// When the kernel started the process, in clock ticks since boot (proc(5), stat, field 22): with `machine` and
    /// `pid` the name of one process for ever, whatever happens to the wall clock.
    public var startTicks: UInt64?
    public var state: WorkerState
    public var startedAt: Timestamp
    public var sentAt: Timestamp
    /// The config generation it runs, with its hash.
    public var generation: Int64
    public var generationHash: String
    /// Resident memory in bytes.
    public var residentBytes: Int64
    public var counters: Counters

    /// Totals since the process started.
    public struct Counters: Sendable, Codable, Equatable {
        public var received: Int64 = 0
        public var settled: Int64 = 0
        public var duplicates: Int64 = 0
        public var failedAttempts: Int64 = 0
        public var deadLettered: Int64 = 0
        /// Settled without work, because Telegram waited for their answer no longer.
        public var expired: Int64 = 0
        public var sent: Int64 = 0
        public var sendErrors: Int64 = 0
        /// Of the errors: sends given up because Telegram will never take them.
        public var refused: Int64 = 0
        /// Sends whose outcome nobody knows, shown instead of repeated (`send.ambiguous`).
        public var ambiguous: Int64 = 0
        /// Chats found blocked.
        public var blocked: Int64 = 0
        /// 429 answers.
        public var rateLimited: Int64 = 0
        public var batches: Int64 = 0
        public var reconnects: Int64 = 0
        /// Now, not a total: pulled and not yet settled.
        public var inFlight: Int64 = 0
        /// Now, not a total: updates that wait in the database, of parked chats.
        public var waiting: Int64 = 0
        /// Now, not a total: committed and not yet sent.
        public var unsent: Int64 = 0
        public init() {}
    }

    /// How often a worker speaks.
    public static let interval: Duration = .seconds(2)
    /// A worker unheard of for this long is late: about three heartbeats.
    public static let lateAfter: Duration = .seconds(7)

    public init(
        worker: WorkerIdentity, bots: [BotID], lanes: [LaneKey]? = nil, host: String, machine: String? = nil,
        pid: Int32, startTicks: UInt64? = nil, state: WorkerState, startedAt: Timestamp, sentAt: Timestamp,
        generation: Int64, generationHash: String, residentBytes: Int64, counters: Counters
    ) {
        self.worker = worker
        self.bots = bots
        self.lanes = lanes
        self.host = host
        self.machine = machine
        self.pid = pid
        self.startTicks = startTicks
        self.state = state
        self.startedAt = startedAt
        self.sentAt = sentAt
        self.generation = generation
        self.generationHash = generationHash
        self.residentBytes = residentBytes
        self.counters = counters
    }
}
extension Heartbeat.Counters {
    /// A worker of an older release does not know every counter: what it does not send is 0, and what it sends and
    /// nobody here knows is left out.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init()
        received = try values.count(.received)
        settled = try values.count(.settled)
        duplicates = try values.count(.duplicates)
        failedAttempts = try values.count(.failedAttempts)
        deadLettered = try values.count(.deadLettered)
        expired = try values.count(.expired)
        sent = try values.count(.sent)
        sendErrors = try values.count(.sendErrors)
        refused = try values.count(.refused)
        ambiguous = try values.count(.ambiguous)
        blocked = try values.count(.blocked)
        rateLimited = try values.count(.rateLimited)
        batches = try values.count(.batches)
        reconnects = try values.count(.reconnects)
        inFlight = try values.count(.inFlight)
        waiting = try values.count(.waiting)
        unsent = try values.count(.unsent)
    }
}

extension KeyedDecodingContainer {
    fileprivate func count(_ key: Key) throws -> Int64 { try decodeIfPresent(Int64.self, forKey: key) ?? 0 }
}
