/// What the operator wants of a bot. It never holds the token.
public struct BotSpec: Sendable, Equatable, Codable {
    public var id: BotID
    /// The name of a behaviour that the worker binary registers: `echo`, `menu`, or an author's own.
    public var behaviour: String
    public var labels: [String: String]
    public var desired: DesiredState
    /// Ordered streams its updates are spread over, 1 to 1024; a conversation is always in one of them.
    public var lanes: Int
    /// Processes that serve it, 1 to 1024: each owns some of the lanes.
    public var workers: Int
    public var queue: QueueKind
    public var intake: IntakeMode
    /// Where this bot's API lives; `nil`: the fleet's default (`https://api.telegram.org`).
    public var apiURL: String?

    public enum DesiredState: String, Sendable, Codable, CaseIterable {
        case running, stopped
    }

    /// What ``lanes`` and ``workers`` may be.
    public static let counts = 1...1024

    public init(
        id: BotID, behaviour: String, labels: [String: String] = [:], desired: DesiredState = .running,
        lanes: Int = 1, workers: Int = 1, queue: QueueKind = .quorum, intake: IntakeMode = .polling,
        apiURL: String? = nil
    ) {
        self.id = id
        self.behaviour = behaviour
        self.labels = labels
        self.desired = desired
        self.lanes = lanes
        self.workers = workers
        self.queue = queue
        self.intake = intake
        self.apiURL = apiURL
    }

    /// What came later may be absent: a client of an earlier release does not name it.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        id = try values.decode(BotID.self, forKey: .id)
        behaviour = try values.decode(String.self, forKey: .behaviour)
        labels = try values.decode([String: String].self, forKey: .labels)
        desired = try values.decode(DesiredState.self, forKey: .desired)
        lanes = try values.decode(Int.self, forKey: .lanes)
        workers = try values.decodeIfPresent(Int.self, forKey: .workers) ?? 1
        queue = try values.decode(QueueKind.self, forKey: .queue)
        intake = try values.decodeIfPresent(IntakeMode.self, forKey: .intake) ?? .polling
        apiURL = try values.decodeIfPresent(String.self, forKey: .apiURL)
    }
}
