/// How a bot's updates come in.
public enum IntakeMode: String, Sendable, Codable, CaseIterable {
    /// `getUpdates`, by the gateway that holds the bot's lease.
    case polling
    /// Telegram calls a gateway.
    case webhook
}

/// Who takes a bot's updates in, and how that goes, as of the gateway's last renewal of its lease.
public struct IntakeState: Sendable, Codable, Equatable {
    /// The gateway's name.
    public var gateway: String
    public var condition: Condition
    /// What is wrong, in one line without a secret; `nil` when nothing is.
    public var detail: String?
    /// Since when the condition is what it is; `nil` while it is `starting`.
    public var since: Timestamp?

    public enum Condition: String, Sendable, Codable, CaseIterable {
        /// The gateway has the lease and has not said more yet.
        case starting
        case polling, webhook
        /// Telegram does not accept the token.
        case refused
        /// Somebody else takes the bot's updates.
        case conflict
        /// Telegram, the network or the broker; tried on.
        case failing

        public var isWell: Bool {
            switch self {
            case .starting, .polling, .webhook: true
            case .refused, .conflict, .failing: false
            }
        }
    }

    public init(gateway: String, condition: Condition, detail: String? = nil, since: Timestamp? = nil) {
        self.gateway = gateway
        self.condition = condition
        self.detail = detail
        self.since = since
    }
}

/// What a gateway says of a bot it takes in.
public struct IntakeReport: Sendable, Equatable {
    public var condition: IntakeState.Condition
    public var detail: String?

    public init(_ condition: IntakeState.Condition, _ detail: String? = nil) {
        self.condition = condition
        self.detail = detail
    }
}
