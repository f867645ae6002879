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
                expires_at = clock_timestamp() + $3::bigint * interval '1 millisecond'
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
    /// - Returns: those prolonged. Stop polling the others at once.
    public func renewPollerLeases(
        _ bots: [BotID],
        holder: String,
        ttl: Duration
    ) async throws(StoreError) -> Set<BotID> {
        if bots.isEmpty { return [] }
        let statement = Statement(
            "lease.renew",
            """
            UPDATE poller_lease SET expires_at = clock_timestamp() + $3::bigint * interval '1 millisecond'
            WHERE bot_id = ANY ($1::text[]) AND holder = $2 AND expires_at > clock_timestamp()
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
