/// Names in RabbitMQ that every process and every foreign producer relies on.
public enum FleetTopology {
    /// Fanout, durable: config generations.
    public static let configExchange = "fleet.config"
    /// Fanout, durable: commands.
    public static let commandExchange = "fleet.commands"
    /// Fanout, durable: heartbeats of the workers, for coordinators alone.
    public static let heartbeatExchange = "fleet.heartbeats"
    /// Direct, durable: what the broker itself dead-letters, routed by the bot's id.
    public static let deadLetterExchange = "fleet.dead"

    /// A bot's intake, on the default exchange. The body is the update's JSON as Telegram sends it.
    public static func intakeQueue(of bot: BotID) -> String { "bot.\(bot)" }
    /// The queue a lane consumes.
    public static func queue(of lane: LaneKey, laneCount: Int) -> String {
        laneCount == 1 ? intakeQueue(of: lane.bot) : "bot.\(lane.bot).\(lane.epoch).\(lane.number)"
    }
    /// What the broker dead-lettered of a bot (delivery limit, never the fleet itself).
    public static func brokerDeadQueue(of bot: BotID) -> String { "bot.\(bot).dead" }
    /// A worker's own exclusive queue, bound to both fanouts; also addressed directly for re-sends.
    public static func controlQueue(of incarnation: Incarnation) -> String { "worker.\(incarnation).control" }
    /// A coordinator's own exclusive queue for replies.
    public static func replyQueue(of incarnation: Incarnation) -> String { "coordinator.\(incarnation).replies" }
    /// A coordinator's own exclusive queue for heartbeats.
    public static func heartbeatQueue(of incarnation: Incarnation) -> String { "coordinator.\(incarnation).heartbeats" }

    /// Header of a replayed update: the number of the dead letter it was taken from (a 64-bit integer).
    public static let replayHeader = "x-fleet-replay"

    /// Header of the last message of an epoch in a lane's queue: the epoch it ends (an integer). Its body is empty.
    public static let sealHeader = "x-fleet-seal"
    /// Header of a message that means nothing by itself (`true`): the lane's owner is to look at what a predecessor left in
    /// the database. Its body is empty.
    public static let wakeHeader = "x-fleet-wake"
    /// Header of an update that its mover was given again by the broker: it may have been moved before (`true`).
    public static let againHeader = "x-fleet-again"
    /// Header of an update: when it came in, in milliseconds of the Unix epoch (a 64-bit integer).
    public static let receivedHeader = "x-fleet-received"

    /// `x-delivery-limit` of quorum queues. Attempts are counted in PostgreSQL; -1 drops everything at the first
    /// redelivery on RabbitMQ 3.10, and 4.x defaults to 20.
    public static let deliveryLimit = 1_000_000
}

/// The kind of queue a bot's updates wait in.
public enum QueueKind: String, Sendable, Codable, CaseIterable {
    case quorum, classic
}
