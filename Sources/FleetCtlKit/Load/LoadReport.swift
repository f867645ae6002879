/// What a load run found. Every latency says between which two moments it is.
public struct LoadReport: Sendable, Encodable, Equatable {
    public var bots: Int
    public var wanted_per_s: Double
    public var published_per_s: Double
    public var confirmed: Int
    public var refused: Int
    public var confirm_unknown: Int
    public var settled: Int
    public var dead_lettered: Int
    /// Not settled when the run ended.
    public var unsettled: Int
    /// From handing an update to the broker's connection to the broker's confirm.
    public var publish_to_confirm_ms: LatencySummary?
    /// From the same moment to `settled_at` of its inbox row, which is when the settling transaction began, by the
    /// database's clock.
    public var publish_to_settled_ms: LatencySummary?

    public init(tracker: LoadTracker, bots: Int, wanted: Double, elapsed: Duration) {
        self.bots = bots
        wanted_per_s = wanted
        published_per_s = elapsed.inSeconds > 0 ? Double(tracker.published) / elapsed.inSeconds : 0
        confirmed = tracker.confirmed
        refused = tracker.refused
        confirm_unknown = tracker.unknown
        settled = tracker.settled
        dead_lettered = tracker.dead
        unsettled = tracker.unsettled
        publish_to_confirm_ms = tracker.confirms.summary
        publish_to_settled_ms = tracker.settlements.summary
    }

    public var text: String {
        """
        published  \(NumberText.grouped(confirmed + refused + confirm_unknown)) to \(bots) bots, \
        \(NumberText.fixed(published_per_s, 0))/s of \(NumberText.fixed(wanted_per_s, 0))/s wanted
        confirmed  \(NumberText.grouped(confirmed)), refused \(refused), unknown \(confirm_unknown)
        settled    \(NumberText.grouped(settled)), of these dead-lettered \(dead_lettered); not settled \(unsettled)
        publish to confirm  \(publish_to_confirm_ms?.text ?? "–")
        publish to settled  \(publish_to_settled_ms?.text ?? "–")

        """
    }
}
