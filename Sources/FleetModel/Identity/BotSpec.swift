/// What the operator wants of a bot. It never holds the token.
public struct BotSpec: Sendable, Equatable, Codable {
    public var id: BotID
    /// The name of a behaviour that the worker binary registers: `echo`, `menu`, or an author's own.
    public var behaviour: String
    public var labels: [String: String]
    public var desired: DesiredState
    public var lanes: Int
    public var queue: QueueKind
    /// Where this bot's API lives; `nil`: the fleet's default (`https://api.telegram.org`).
    public var apiURL: String?

    public enum DesiredState: String, Sendable, Codable, CaseIterable {
        case running, stopped
    }

    public init(
        id: BotID, behaviour: String, labels: [String: String] = [:], desired: DesiredState = .running,
        lanes: Int = 1, queue: QueueKind = .quorum, apiURL: String? = nil
    ) {
        self.id = id
        self.behaviour = behaviour
        self.labels = labels
        self.desired = desired
        self.lanes = lanes
        self.queue = queue
        self.apiURL = apiURL
    }
}
