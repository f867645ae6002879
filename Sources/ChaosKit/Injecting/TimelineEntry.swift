import FleetModel

/// A fault that was planned, and what came of it. Times are microseconds since 1970.
public struct TimelineEntry: Sendable, Equatable, Codable {
    public var number: Int
    public var kind: FaultKind
    public var text: String
    public var start: Int64
    public var end: Int64
    /// Whether anything was done: a victim may not have been there.
    public var applied: Bool
    /// What was done to whom.
    public var note: String
    /// Whom it concerns; `nil`: everybody.
    public var bot: BotID?
    /// From its end until all that was said before had its reply; `nil` when that was never so.
    public var recoveryMilliseconds: Int?

    public init(
        number: Int, kind: FaultKind, text: String, start: Int64, end: Int64, applied: Bool = true, note: String = "",
        bot: BotID? = nil
    ) {
        self.number = number
        self.kind = kind
        self.text = text
        self.start = start
        self.end = end
        self.applied = applied
        self.note = note
        self.bot = bot
    }
}
