import FleetModel

/// What one worker has of a bot's rate, in messages a second.
public struct FloodShareRow: Sendable, Equatable {
    public let worker: Incarnation
    /// Messages that wait.
    public let demand: Double
    public let share: Double

    public init(worker: Incarnation, demand: Double, share: Double) {
        self.worker = worker
        self.demand = demand
        self.share = share
    }
}

extension Database {
    /// Renews a worker's share of a bot's rate, in one statement. Rows not renewed for 3 s are dead and count no more;
    /// the shares of those that live never add up to more than `rate`.
    /// - Parameters:
    ///   - wanted: the share wished for; less is given where the others have left less.
    ///   - blocked: for so long the bot may send nothing, as far as this worker knows.
    /// - Returns: all live rows, this worker's too, and for how long the bot may send nothing, as far as any of them
    ///   knows.
    public func leaseFloodShare(
        bot: BotID, worker: Incarnation, demand: Double, wanted: Double, rate: Double, blocked: Duration = .zero
    ) async throws(StoreError) -> (rows: [FloodShareRow], blocked: Duration) {
        let statement = Statement(
            "flood.lease",
            "SELECT worker, demand, share, blocked_ms FROM fleet_flood_share($1, $2, $3, $4, $5, $6)"
        ) {
            $0.add(bot)
            $0.add(worker.rawValue)
            $0.add(Self.thousandths(demand))
            $0.add(Self.thousandths(wanted))
            $0.add(Self.thousandths(rate))
            $0.add(blocked.wholeMilliseconds)
        }
        var rows: [FloodShareRow] = []
        var longest: Int64 = 0
        for row in try await query(statement, idempotent: true) {
            guard let name = row.text(0), let demand = row.int64(1), let share = row.int64(2) else { continue }
            rows.append(
                FloodShareRow(
                    worker: Incarnation(rawValue: name), demand: Double(demand) / 1000, share: Double(share) / 1000))
            longest = max(longest, row.int64(3) ?? 0)
        }
        return (rows, .milliseconds(longest))
    }

    private static func thousandths(_ number: Double) -> Int64 { Int64((max(0, min(number, 1e12)) * 1000).rounded()) }
}
