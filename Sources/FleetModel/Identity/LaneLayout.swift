/// How a bot's updates are spread at a time: over `lanes` lanes, of one `epoch`. Each change of the number of lanes is
/// a new epoch with queues of its own, and begins when every lane of the one before is sealed.
public struct LaneLayout: Sendable, Equatable, Codable {
    public var bot: BotID
    public var epoch: Int32
    public var lanes: Int
    public var state: State

    public enum State: String, Sendable, Codable {
        case open
        /// Its lanes finish what they have; nothing is moved into them any more.
        case closing
    }

    public init(bot: BotID, epoch: Int32 = 0, lanes: Int = 1, state: State = .open) {
        self.bot = bot
        self.epoch = epoch
        self.lanes = lanes
        self.state = state
    }

    /// One lane is served from the intake itself; several are filled from it by the mover.
    public var hasMover: Bool { lanes > 1 }

    /// The mover's place among the lanes' rows, for its term and its assignment.
    public static let moverNumber: Int32 = -1

    public var mover: LaneKey { LaneKey(bot: bot, epoch: epoch, number: Self.moverNumber) }

    public var keys: [LaneKey] { (0..<Int32(lanes)).map { LaneKey(bot: bot, epoch: epoch, number: $0) } }

    /// The lane of a conversation, the same in every process and release: SplitMix64's finaliser (Steele, Lea, Flood,
    /// 2014), so that neighbouring ids spread, modulo the number of lanes.
    public func lane(of conversation: Int64) -> LaneKey {
        var x = UInt64(bitPattern: conversation) &+ 0x9E37_79B9_7F4A_7C15
        x = (x ^ (x >> 30)) &* 0xBF58_476D_1CE4_E5B9
        x = (x ^ (x >> 27)) &* 0x94D0_49BB_1331_11EB
        x ^= x >> 31
        return LaneKey(bot: bot, epoch: epoch, number: Int32(x % UInt64(lanes)))
    }
}
