import FleetModel

extension Database {
    /// Commits the effects of a batch: all of them or none, in one round trip.
    ///
    /// - Throws: `.fenced` when the lane has a newer owner; `.duplicateUpdates` when one of the updates has an inbox row
    ///   already, or one to replay is not dead. After an error with `outcomeUnknown` reread with
    ///   ``recall(bot:updates:conversations:)`` before going on.
    public func settle(_ settlement: Settlement, lane: LaneClaim) async throws(StoreError) {
        if settlement.isEmpty { return }
        _ = try await pipeline(settlement.statements(for: lane))
    }
}

extension Settlement {
    /// The fence comes first: a stale owner must not even wait for a row that the new one has locked.
    func statements(for lane: LaneClaim) -> [Statement] {
        let bot = lane.key.bot
        var statements: [Statement] = []
        statements.reserveCapacity(9)
        statements.append(Self.fence(lane))
        if !inboxIDs.isEmpty { statements.append(inboxStatement(bot)) }
        if !replayed.isEmpty {
            statements.append(
                Statement("settle.replay", "SELECT fleet_replay($1, $2)") {
                    $0.add(bot)
                    $0.add(replayed)
                }
            )
        }
        if sessionConversations.count > deletedSessions { statements.append(sessionStatement(bot)) }
        if deletedSessions > 0 { statements.append(deletedSessionStatement(bot)) }
        if !outboxSeqs.isEmpty { statements.append(outboxStatement(lane)) }
        if !events.isEmpty { statements.append(eventStatement(bot)) }
        if !deadLetters.isEmpty { statements.append(deadLetterStatement(bot)) }
        if !sentSeqs.isEmpty { statements.append(Self.sent(lane: lane.id, seqs: sentSeqs)) }
        if !waiting.isEmpty { statements += waiting.statements(lane: lane.id) }
        if !unblockedConversations.isEmpty { statements.append(unblockStatement(bot)) }
        if !blockedConversations.isEmpty { statements.append(blockStatement(bot)) }
        return statements
    }

    static func fence(_ lane: LaneClaim) -> Statement {
        Statement("settle.fence", "SELECT fleet_fence($1, $2)") {
            $0.add(lane.id)
            $0.add(lane.term)
        }
    }

    private func inboxStatement(_ bot: BotID) -> Statement {
        Statement(
            "settle.inbox",
            "INSERT INTO inbox (bot_id, update_id, outcome) SELECT $1, * FROM unnest($2::bigint[], $3::smallint[])"
        ) {
            $0.reserve(bytes: 64 + 18 * inboxIDs.count + 40)
            $0.add(bot)
            $0.add(inboxIDs)
            $0.add(inboxOutcomes)
        }
    }

    private func sessionStatement(_ bot: BotID) -> Statement {
        Statement(
            "settle.session",
            """
            INSERT INTO session (bot_id, conversation, state) SELECT $1, * FROM unnest($2::bigint[], $3::bytea[])
            ON CONFLICT (bot_id, conversation) DO UPDATE SET state = excluded.state, updated_at = excluded.updated_at
            """
        ) {
            $0.add(bot)
            if deletedSessions == 0 {
                $0.add(sessionConversations)
            } else {
                $0.add(sessionStates.indices.filter { sessionStates[$0] != nil }.map { sessionConversations[$0] })
            }
            $0.add(compacting: sessionStates)
        }
    }

    private func deletedSessionStatement(_ bot: BotID) -> Statement {
        Statement("settle.forget", "DELETE FROM session WHERE bot_id = $1 AND conversation = ANY ($2::bigint[])") {
            $0.add(bot)
            $0.add(sessionStates.indices.filter { sessionStates[$0] == nil }.map { sessionConversations[$0] })
        }
    }

    private func outboxStatement(_ lane: LaneClaim) -> Statement {
        Statement(
            "settle.outbox",
            """
            INSERT INTO outbox (lane_id, seq, update_id, conversation, method, body, priority)
            SELECT $1, * FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::bytea[], $7::smallint[])
            """
        ) {
            $0.reserve(bytes: 256 + 64 * outboxSeqs.count + outboxBodies.reduce(0) { $0 + $1.count })
            $0.add(lane.id)
            $0.add(outboxSeqs)
            $0.add(outboxUpdateIDs)
            $0.add(outboxConversations)
            $0.add(outboxMethods)
            $0.add(outboxBodies)
            $0.add(outboxPriorities)
        }
    }

    private func eventStatement(_ bot: BotID) -> Statement {
        Statement(
            "settle.event",
            """
            INSERT INTO event (bot_id, conversation, kind, data)
            SELECT $1, * FROM unnest($2::bigint[], $3::text[], $4::bytea[])
            """
        ) {
            $0.add(bot)
            $0.add(events.map(\.conversation))
            $0.add(events.map(\.kind))
            $0.add(events.map(\.data))
        }
    }

    private func deadLetterStatement(_ bot: BotID) -> Statement {
        Statement(
            "settle.dead_letter",
            """
            INSERT INTO dead_letter (bot_id, update_id, body, reason, attempts, kind, first_at)
            SELECT $1, * FROM unnest($2::bigint[], $3::bytea[], $4::text[], $5::integer[], $6::text[],
                $7::timestamptz[])
            """
        ) {
            $0.add(bot)
            $0.add(deadLetters.map(\.updateID))
            $0.add(deadLetters.map(\.body))
            $0.add(deadLetters.map(\.reason))
            $0.add(deadLetters.map(\.attempts))
            $0.add(deadLetters.map(\.kind.rawValue))
            $0.add(deadLetters.map(\.firstAt))
        }
    }

    static func sent(lane: Int64, seqs: [Int64]) -> Statement {
        Statement("settle.sent", "DELETE FROM outbox WHERE lane_id = $1 AND seq = ANY ($2::bigint[])") {
            $0.add(lane)
            $0.add(seqs)
        }
    }
}
