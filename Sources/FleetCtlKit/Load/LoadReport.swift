/// What a load run found. Every latency says between which two moments it is.
public struct LoadReport: Sendable, Encodable, Equatable {
    public var bots: Int
    public var wantedPerSecond: Double
    public var publishedPerSecond: Double
    public var confirmed: Int
    public var refused: Int
    public var confirmUnknown: Int
    public var settled: Int
    public var deadLettered: Int
    /// Not settled when the run ended.
    public var unsettled: Int
    /// From handing an update to the broker's connection to the broker's confirm.
    public var publishToConfirm: LatencySummary?
    /// From the same moment to `settled_at` of its inbox row, which is when the settling transaction began, by the
    /// database's clock.
    public var publishToSettled: LatencySummary?

    enum CodingKeys: String, CodingKey {
        case bots, confirmed, refused, settled, unsettled
        case wantedPerSecond = "wanted_per_s"
        case publishedPerSecond = "published_per_s"
        case confirmUnknown = "confirm_unknown"
        case deadLettered = "dead_lettered"
        case publishToConfirm = "publish_to_confirm_ms"
        case publishToSettled = "publish_to_settled_ms"
    }

    public init(tracker: LoadTracker, bots: Int, wanted: Double, elapsed: Duration) {
        self.bots = bots
        wantedPerSecond = wanted
        publishedPerSecond = elapsed.inSeconds > 0 ? Double(tracker.published) / elapsed.inSeconds : 0
        confirmed = tracker.confirmed
        refused = tracker.refused
        confirmUnknown = tracker.unknown
        settled = tracker.settled
        deadLettered = tracker.dead
        unsettled = tracker.unsettled
        publishToConfirm = tracker.confirms.summary
        publishToSettled = tracker.settlements.summary
    }

    public var text: String {
        """
        published  \(NumberText.grouped(confirmed + refused + confirmUnknown)) to \(bots) bots, \
        \(NumberText.fixed(publishedPerSecond, 0))/s of \(NumberText.fixed(wantedPerSecond, 0))/s wanted
        confirmed  \(NumberText.grouped(confirmed)), refused \(refused), unknown \(confirmUnknown)
        settled    \(NumberText.grouped(settled)), of these dead-lettered \(deadLettered); not settled \(unsettled)
        publish to confirm  \(publishToConfirm?.text ?? "–")
        publish to settled  \(publishToSettled?.text ?? "–")

        """
    }
}
