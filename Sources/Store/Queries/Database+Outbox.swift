import FleetModel

extension Database {
    /// The lane's unsent messages, whoever settled them, in the order of `seq`.
    /// - Parameter after: only rows behind this `seq`, to read on in slices.
    public func unsentOutbox(
        lane: LaneClaim,
        limit: Int,
        after: Int64 = .min
    ) async throws(StoreError) -> [OutboxRow] {
        let statement = Statement(
            "outbox.unsent",
            """
            SELECT seq, update_id, conversation, method, body FROM outbox
            WHERE lane_id = $1 AND seq > $2 ORDER BY seq LIMIT $3
            """
        ) {
            $0.add(lane.id)
            $0.add(after)
            $0.add(Int64(limit))
        }
        return try await query(statement, idempotent: true).compactMap { row in
            guard let seq = row.int64(0), let conversation = row.int64(2), let method = row.text(3),
                let body = row.bytes(4)
            else { return nil }
            return OutboxRow(
                seq: seq,
                updateID: row.int64(1),
                conversation: conversation,
                method: method,
                body: body
            )
        }
    }

    /// Marks messages as sent. A fact, so it is not fenced: any worker that sent them may say so, at any time, twice.
    public func markSent(lane: Int64, seqs: [Int64]) async throws(StoreError) {
        if seqs.isEmpty { return }
        _ = try await pipeline([Settlement.sent(lane: lane, seqs: seqs)], idempotent: true)
    }
}
