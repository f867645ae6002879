import FleetModel

// Who polls which bot. The server's clock alone decides, so gateways need not agree on the time.

extension Database {
    /// Takes or renews the leases of these bots, in one statement.
    /// - Parameter holder: the gateway's incarnation or another name that no two gateways share.
    /// - Returns: those that `holder` now has for `ttl`; the others are somebody else's.
    public func acquirePollerLeases(
        _ bots: [BotID],
        holder: String,
        ttl: Duration
    ) async throws(StoreError) -> Set<BotID> {
        if bots.isEmpty { return [] }
        // Sorted and without repetition: equal orders cannot deadlock, and a row may change once a statement.
        // clock_timestamp(), not now(): the statement may have waited for a row.
        let statement = Statement(
            "lease.acquire",
            """
            INSERT INTO poller_lease (bot_id, holder, expires_at)
            SELECT bot.id, $2, clock_timestamp() + $3::bigint * interval '1 millisecond'
            FROM bot WHERE bot.id = ANY ($1::text[]) ORDER BY bot.id
            ON CONFLICT (bot_id) DO UPDATE SET holder = excluded.holder,
                expires_at = clock_timestamp() + $3::bigint * interval '1 millisecond',
                state = NULL, detail = NULL, state_at = NULL
            WHERE poller_lease.holder = excluded.holder OR poller_lease.expires_at <= clock_timestamp()
            RETURNING bot_id
            """
        ) {
            $0.add(bots)
            $0.add(holder)
            $0.add(ttl.wholeMilliseconds)
        }
        let rows = try await query(statement, idempotent: true)
        return Set(rows.compactMap { $0.text(0).flatMap { BotID($0) } })
    }

    public func acquirePollerLease(
        _ bot: BotID,
        holder: String,
        ttl: Duration
    ) async throws(StoreError) -> Bool {
        try await acquirePollerLeases([bot], holder: holder, ttl: ttl).contains(bot)
    }

    /// Prolongs leases that `holder` still has; one that ran out is not taken back.
    /// - Parameter reports: how it goes with these bots; shown by ``intakeStates()``.
    /// - Returns: those prolonged. Stop polling the others at once.
    public func renewPollerLeases(
        _ bots: [BotID],
        holder: String,
        ttl: Duration,
        reports: [BotID: IntakeReport] = [:]
    ) async throws(StoreError) -> Set<BotID> {
        if bots.isEmpty { return [] }
        // state_at stays while the condition does, so it says since when it has been so.
        let statement = Statement(
            "lease.renew",
            """
            UPDATE poller_lease SET expires_at = clock_timestamp() + $3::bigint * interval '1 millisecond',
                state = nullif(report.state, ''), detail = nullif(report.detail, ''),
                state_at = CASE WHEN poller_lease.state IS DISTINCT FROM nullif(report.state, '') THEN clock_timestamp()
                    ELSE poller_lease.state_at END
            FROM unnest($1::text[], $4::text[], $5::text[]) AS report (bot_id, state, detail)
            WHERE poller_lease.bot_id = report.bot_id AND holder = $2 AND expires_at > clock_timestamp()
            RETURNING poller_lease.bot_id
            """
        ) {
            $0.add(bots)
            $0.add(holder)
            $0.add(ttl.wholeMilliseconds)
            $0.add(bots.map { reports[$0]?.condition.rawValue ?? "" })
            $0.add(bots.map { reports[$0]?.detail ?? "" })
        }
        let rows = try await query(statement, idempotent: true)
        return Set(rows.compactMap { $0.text(0).flatMap { BotID($0) } })
    }

    /// Who takes which bot's updates in, and how that goes. A bot that nobody has a lease of is not among them.
    public func intakeStates() async throws(StoreError) -> [BotID: IntakeState] {
        let statement = Statement(
            "lease.states",
            "SELECT bot_id, holder, state, detail, state_at FROM poller_lease WHERE expires_at > clock_timestamp()")
        var states: [BotID: IntakeState] = [:]
        for row in try await query(statement, idempotent: true) {
            guard let bot = row.text(0).flatMap({ BotID($0) }), let holder = row.text(1) else { continue }
            states[bot] = IntakeState(
                gateway: String(holder[..<(holder.lastIndex(of: "/") ?? holder.endIndex)]),
                condition: row.text(2).flatMap { IntakeState.Condition(rawValue: $0) } ?? .starting,
                detail: row.text(3),
                since: row.timestamp(4))
        }
        return states
    }

    /// Gives leases back; those of others stay.
    public func releasePollerLeases(_ bots: [BotID], holder: String) async throws(StoreError) {
        if bots.isEmpty { return }
        let statement = Statement(
            "lease.release",
            "DELETE FROM poller_lease WHERE bot_id = ANY ($1::text[]) AND holder = $2"
        ) {
            $0.add(bots)
            $0.add(holder)
        }
        _ = try await pipeline([statement], idempotent: true)
    }
}
