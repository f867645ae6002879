/// A lane: one ordered stream of a bot's updates, consumed by one worker at a time.
///
/// `epoch` counts changes of the bot's number of lanes. A bot with one lane is served from its intake queue.
public struct LaneKey: Hashable, Sendable, Codable, CustomStringConvertible {
    public let bot: BotID
    public let epoch: Int32
    public let number: Int32

    public init(bot: BotID, epoch: Int32 = 0, number: Int32 = 0) {
        self.bot = bot
        self.epoch = epoch
        self.number = number
    }

    public var description: String { "\(bot).\(epoch).\(number)" }
}
