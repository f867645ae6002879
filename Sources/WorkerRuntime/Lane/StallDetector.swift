/// Notices a subscription that is alive but no longer delivers: the broker has messages ready, this lane has room, and
/// nothing comes.
///
/// Asked at intervals; one quiet interval proves nothing (the messages may have come just now), two do.
struct StallDetector {
    private var lastArrived = 0
    private var quiet = 0

    /// - Parameters:
    ///   - arrived: deliveries of this subscription so far.
    ///   - open: of these, not yet acknowledged.
    ///   - ready: messages the broker could deliver.
    ///   - consumers: of the queue. Where there are several, one that never got anything is a standby.
    /// - Returns: whether to subscribe anew.
    mutating func isStalled(arrived: Int, open: Int, ready: Int, consumers: Int) -> Bool {
        defer { lastArrived = arrived }
        let isStandby = arrived == 0 && consumers > 1
        guard arrived == lastArrived, open == 0, ready > 0, !isStandby else {
            quiet = 0
            return false
        }
        quiet += 1
        return quiet >= 2
    }
}
