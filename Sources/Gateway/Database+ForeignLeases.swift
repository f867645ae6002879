import FleetModel
import Store

extension Database {
    /// Those of `bots` whose lease somebody else than `holder` has now.
    func foreignPollerLeases(among bots: [BotID], holder: String) async throws(StoreError) -> Set<BotID> {
        let statement = Statement(
            "lease.foreign",
            """
            SELECT bot_id FROM poller_lease
            WHERE bot_id = ANY ($1::text[]) AND holder <> $2 AND expires_at > clock_timestamp()
            """
        ) {
            $0.add(bots.map(\.rawValue))
            $0.add(holder)
        }
        let rows = try await query(statement, idempotent: true)
        return Set(rows.compactMap { $0.text(0).flatMap { BotID($0) } })
    }
}
