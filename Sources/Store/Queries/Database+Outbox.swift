import FleetModel

extension Database {
    /// The lane's unsent messages, whoever settled them, in the order of `seq`.
    /// - Parameters:
    ///   - after: only rows behind this `seq`, to read on in slices.
    ///   - conversations: only rows of these chats; `nil`: of all.
    public func unsentOutbox(
        lane: LaneClaim,
        limit: Int,
        after: Int64 = .min,
        conversations: [Int64]? = nil
    ) async throws(StoreError) -> [OutboxRow] {
        let chosen = conversations == nil ? "" : " AND conversation = ANY ($4::bigint[])"
        let statement = Statement(
            conversations == nil ? "outbox.unsent" : "outbox.unsent_of",
            """
            SELECT seq, update_id, conversation, method, body, priority, begun_at IS NOT NULL FROM outbox
            WHERE lane_id = $1 AND seq > $2\(chosen) ORDER BY seq LIMIT $3
            """
        ) {
            $0.add(lane.id)
            $0.add(after)
            $0.add(Int64(limit))
            if let conversations { $0.add(conversations) }
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
                body: body,
                priority: row.int64(5).flatMap { SendPriority(rawValue: Int16(truncatingIfNeeded: $0)) } ?? .reply,
                isBegun: row.bool(6) ?? false
            )
        }
    }

    /// Notes that calls for these rows are about to be made, so that a later owner does not make them again.
    /// - Throws: `.fenced` when the lane has a newer owner: then none may be made.
    public func beginSends(_ lane: LaneClaim, seqs: [Int64]) async throws(StoreError) {
        if seqs.isEmpty { return }
        let begin = Statement(
            "outbox.begin",
            "UPDATE outbox SET begun_at = now() WHERE lane_id = $1 AND seq = ANY ($2::bigint[])"
        ) {
            $0.add(lane.id)
            $0.add(seqs)
        }
        _ = try await pipeline([Settlement.fence(lane), begin], idempotent: true)
    }

    /// Marks messages as sent. A fact, so it is not fenced: any worker that sent them may say so, at any time, twice.
    public func markSent(lane: Int64, seqs: [Int64]) async throws(StoreError) {
        if seqs.isEmpty { return }
        _ = try await pipeline([Settlement.sent(lane: lane, seqs: seqs)], idempotent: true)
    }
}
