/// How a bot is spread over lanes now, and how far a change of that has come.
public struct LanesView: Sendable, Codable, Equatable {
    /// Counts the layouts; each change of the number of lanes is a new epoch.
    public var epoch: Int32
    /// How many there are; how many are wanted is in the bot's spec.
    public var lanes: Int
    public var state: LaneLayout.State
    /// Of a closing epoch: how many of its lanes have finished what they had.
    public var sealed: Int?
    /// Each lane, and the mover under ``LaneLayout/moverNumber``; `nil` in lists of bots. Empty while one worker serves all.
    public var places: [Place]?

    public struct Place: Sendable, Codable, Equatable {
        public var number: Int32
        /// The worker that ought to serve it.
        public var owner: String
        public var standby: String?
        /// The worker that serves it, by its last heartbeat; for a while another than the owner after a change.
        public var holder: String?

        public init(number: Int32, owner: String, standby: String?, holder: String? = nil) {
            self.number = number
            self.owner = owner
            self.standby = standby
            self.holder = holder
        }
    }

    public init(epoch: Int32, lanes: Int, state: LaneLayout.State, sealed: Int? = nil, places: [Place]? = nil) {
        self.epoch = epoch
        self.lanes = lanes
        self.state = state
        self.sealed = sealed
        self.places = places
    }
}
