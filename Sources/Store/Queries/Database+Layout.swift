import FleetModel

/// Who serves a lane, and who is ready to: names of workers. A bot's mover is among the lanes (``LaneLayout/mover``).
public struct LaneAssignment: Sendable, Equatable {
    public var key: LaneKey
    public var owner: String
    public var standby: String?

    public init(key: LaneKey, owner: String, standby: String? = nil) {
        self.key = key
        self.owner = owner
        self.standby = standby
    }
}

/// A bot's layout with the assignments of its epoch, all of one moment.
public struct LanePlan: Sendable, Equatable {
    public var layout: LaneLayout
    public var assignments: [LaneAssignment]

    public init(layout: LaneLayout, assignments: [LaneAssignment] = []) {
        self.layout = layout
        self.assignments = assignments
    }
}

/// What of a lane is not finished, counted row by row.
public struct LaneBacklog: Sendable, Equatable {
    /// Updates of parked chats.
    public var waiting: Int64
    /// Messages not yet marked as sent.
    public var unsent: Int64

    public init(waiting: Int64, unsent: Int64) {
        self.waiting = waiting
        self.unsent = unsent
    }
}

extension Database {
    /// The layout in force.
    /// - Throws: `.notFound`
    public func laneLayout(of bot: BotID) async throws(StoreError) -> LaneLayout {
        guard let plan = try await lanePlans(of: [bot])[bot] else { throw Self.noBot(bot) }
        return plan.layout
    }

    /// Layouts and assignments of several bots in one round trip; bots that are not there are left out.
    public func lanePlans(of bots: [BotID]) async throws(StoreError) -> [BotID: LanePlan] {
        let statement = Statement(
            "layout.plans",
            """
            SELECT bot.id, coalesce(layout.epoch, 0), coalesce(layout.lanes, bot.lanes),
                coalesce(layout.state, 'open'), assigned.number, assigned.owner, assigned.standby
            FROM bot
            LEFT JOIN lane_layout AS layout ON layout.bot_id = bot.id
            LEFT JOIN lane_assignment AS assigned
                ON assigned.bot_id = bot.id AND assigned.epoch = coalesce(layout.epoch, 0)
            WHERE bot.id = ANY ($1::text[]) ORDER BY bot.id, assigned.number
            """
        ) { $0.add(bots) }
        var plans: [BotID: LanePlan] = [:]
        for row in try await query(statement, idempotent: true) {
            guard let layout = LaneLayout(row), let bot = row.text(0).flatMap({ BotID($0) }) else {
                throw StoreError(
                    .migration, "a row of table lane_layout cannot be read; is the database newer than this binary?")
            }
            var plan = plans.removeValue(forKey: bot) ?? LanePlan(layout: layout)
            if let number = row.int64(4), let owner = row.text(5) {
                let key = LaneKey(bot: bot, epoch: layout.epoch, number: Int32(truncatingIfNeeded: number))
                plan.assignments.append(LaneAssignment(key: key, owner: owner, standby: row.text(6)))
            }
            plans[bot] = plan
        }
        return plans
    }

    /// Closes the epoch: its mover's row is sealed and its term raised in the same transaction, so that no batch of a
    /// mover is acked from here on, and none can claim the row again. A layout that is closing already stays as it is.
    /// - Returns: the layout, closing.
    /// - Throws: `.notFound`
    public func beginClosing(_ bot: BotID) async throws(StoreError) -> LaneLayout {
        let mover = try await laneLayout(of: bot).mover
        let close = Statement(
            "layout.close",
            """
            WITH closing AS (
                UPDATE lane_layout SET state = 'closing', changed_at = now() WHERE bot_id = $1 AND state = 'open'
                RETURNING epoch
            )
            INSERT INTO lane (bot_id, epoch, number, term, owner_name, owner_incarnation, sealed_at)
            SELECT $1, epoch, $2, 1, '', '', now() FROM closing
            ON CONFLICT (bot_id, epoch, number) DO UPDATE SET term = lane.term + 1, sealed_at = now()
            """
        ) {
            $0.add(bot)
            $0.add(LaneLayout.moverNumber)
        }
        _ = try await patiently(unblocking: mover, [Self.ensureLayout(bot), close])
        return try await laneLayout(of: bot)
    }

    /// Makes `epoch` the layout, once every lane of the one before is sealed; assignments of older epochs go.
    /// The same again has no effect.
    /// - Returns: the layout, open.
    /// - Throws: `.conflict` when the layout is not closing, `epoch` is not the next, or a lane is not sealed.
    public func openLayout(_ bot: BotID, epoch: Int32, lanes: Int) async throws(StoreError) -> LaneLayout {
        let open = Statement(
            "layout.open",
            """
            UPDATE lane_layout SET epoch = $2, lanes = $3, state = 'open', changed_at = now()
            WHERE bot_id = $1 AND state = 'closing' AND epoch = $2 - 1 AND lanes = (
                SELECT count(*) FROM lane
                WHERE lane.bot_id = $1 AND lane.epoch = $2 - 1 AND number BETWEEN 0 AND lane_layout.lanes - 1
                    AND sealed_at IS NOT NULL
            )
            """
        ) {
            $0.add(bot)
            $0.add(epoch)
            $0.add(Int32(clamping: lanes))
        }
        let clear = Statement(
            "layout.clear",
            """
            DELETE FROM lane_assignment USING lane_layout AS layout
            WHERE lane_assignment.bot_id = $1 AND layout.bot_id = $1 AND lane_assignment.epoch < layout.epoch
            """
        ) { $0.add(bot) }
        _ = try await pipeline([open, clear], idempotent: true)
        let wanted = LaneLayout(bot: bot, epoch: epoch, lanes: lanes)
        let present = try await laneLayout(of: bot)
        guard present == wanted else {
            throw StoreError(
                .conflict,
                "epoch \(epoch) of \(bot) cannot be opened: epoch \(present.epoch) is \(present.state.rawValue)"
                    + (present.state == .closing ? " and not all of its \(present.lanes) lanes are sealed" : ""))
        }
        return present
    }

    /// Notes that all of a lane's epoch is settled and sent; then nobody can claim it again. Twice is as good as once.
    /// - Returns: `false` when updates of it still wait in `waiting`, or messages in `outbox`: it is not sealed then.
    /// - Throws: `.fenced` when the lane has a newer owner.
    public func sealLane(_ claim: LaneClaim) async throws(StoreError) -> Bool {
        let fence = Statement("lane.confirm", "SELECT fleet_fence($1, $2)") {
            $0.add(claim.id)
            $0.add(claim.term)
        }
        let seal = Statement(
            "lane.seal",
            """
            UPDATE lane SET sealed_at = coalesce(sealed_at, now())
            WHERE id = $1 AND NOT EXISTS (SELECT FROM waiting WHERE lane_id = $1)
                AND NOT EXISTS (SELECT FROM outbox WHERE lane_id = $1)
            """
        ) { $0.add(claim.id) }
        return try await pipeline([fence, seal], idempotent: true).last?.affected == 1
    }

    /// Numbers of the epoch's lanes that are sealed; the mover is not among them.
    public func sealedLanes(_ bot: BotID, epoch: Int32) async throws(StoreError) -> Set<Int32> {
        let statement = Statement(
            "lane.sealed",
            "SELECT number FROM lane WHERE bot_id = $1 AND epoch = $2 AND number >= 0 AND sealed_at IS NOT NULL"
        ) {
            $0.add(bot)
            $0.add(epoch)
        }
        return Set(try await query(statement, idempotent: true).compactMap { $0.int64(0).map { Int32($0) } })
    }

    /// Replaces the assignments of an epoch, the present one or the next, in one transaction.
    /// - Throws: `.conflict` when the epoch is over.
    public func assignLanes(
        _ bot: BotID, epoch: Int32, _ assignments: [LaneAssignment]
    ) async throws(StoreError) {
        let current = "EXISTS (SELECT FROM lane_layout WHERE bot_id = $1 AND epoch <= $2)"
        let lock = Statement(
            "assignment.lock", "SELECT 1 FROM lane_layout WHERE bot_id = $1 AND epoch <= $2 FOR SHARE"
        ) {
            $0.add(bot)
            $0.add(epoch)
        }
        let clear = Statement(
            "assignment.clear",
            "DELETE FROM lane_assignment WHERE bot_id = $1 AND epoch = $2 AND number <> ALL ($3) AND \(current)"
        ) {
            $0.add(bot)
            $0.add(epoch)
            $0.add(assignments.map(\.key.number))
        }
        let write = Statement(
            "assignment.write",
            """
            INSERT INTO lane_assignment (bot_id, epoch, number, owner, standby)
            SELECT $1, $2, number, owner, nullif(standby, '')
            FROM unnest($3::integer[], $4::text[], $5::text[]) AS given (number, owner, standby) WHERE \(current)
            ON CONFLICT (bot_id, epoch, number) DO UPDATE SET owner = excluded.owner, standby = excluded.standby
            """
        ) {
            $0.add(bot)
            $0.add(epoch)
            $0.add(assignments.map(\.key.number))
            $0.add(assignments.map(\.owner))
            $0.add(assignments.map { $0.standby ?? "" })
        }
        let results = try await pipeline([Self.ensureLayout(bot), lock, clear, write], idempotent: true)
        if results[1].isEmpty {
            throw StoreError(.conflict, "epoch \(epoch) of \(bot) is over, or there is no such bot")
        }
    }

    /// Notes that a lane's owner has subscribed to it; others change nothing. A standby that works on the lane sees it.
    public func noteSubscription(to key: LaneKey, owner: String) async throws(StoreError) {
        let statement = Statement(
            "assignment.subscribed",
            """
            UPDATE lane_assignment SET subscribed = subscribed + 1
            WHERE bot_id = $1 AND epoch = $2 AND number = $3 AND owner = $4
            """
        ) {
            $0.add(key.bot)
            $0.add(key.epoch)
            $0.add(key.number)
            $0.add(owner)
        }
        _ = try await query(statement)
    }

    /// How often owners of the lane have subscribed; 0 when nobody is named. It never shrinks while somebody is, so that
    /// a standby which remembers it sees the next owner's subscription, too.
    public func ownerSubscriptions(to key: LaneKey) async throws(StoreError) -> Int64 {
        let statement = Statement(
            "assignment.subscriptions",
            "SELECT subscribed FROM lane_assignment WHERE bot_id = $1 AND epoch = $2 AND number = $3"
        ) {
            $0.add(key.bot)
            $0.add(key.epoch)
            $0.add(key.number)
        }
        return try await query(statement, idempotent: true).first?.int64(0) ?? 0
    }

    /// Whether updates of the lane wait in the database, or messages that are not marked as sent.
    public func isUnfinished(_ key: LaneKey) async throws(StoreError) -> Bool {
        let statement = Statement(
            "lane.unfinished",
            """
            SELECT EXISTS (SELECT FROM outbox WHERE lane_id = lane.id)
                OR EXISTS (SELECT FROM waiting WHERE lane_id = lane.id)
            FROM lane WHERE bot_id = $1 AND epoch = $2 AND number = $3
            """
        ) {
            $0.add(key.bot)
            $0.add(key.epoch)
            $0.add(key.number)
        }
        return try await query(statement, idempotent: true).first?.bool(0) ?? false
    }

    /// - Parameter lane: the lane's row, ``LaneClaim/id``.
    public func backlog(ofLane lane: Int64) async throws(StoreError) -> LaneBacklog {
        let statement = Statement(
            "lane.backlog",
            """
            SELECT (SELECT count(*) FROM waiting WHERE lane_id = $1), (SELECT count(*) FROM outbox WHERE lane_id = $1)
            """
        ) { $0.add(lane) }
        let row = try await query(statement, idempotent: true).first
        return LaneBacklog(waiting: row?.int64(0) ?? 0, unsent: row?.int64(1) ?? 0)
    }

    private static func ensureLayout(_ bot: BotID) -> Statement {
        Statement(
            "layout.ensure",
            """
            INSERT INTO lane_layout (bot_id, epoch, lanes, state) SELECT id, 0, lanes, 'open' FROM bot WHERE id = $1
            ON CONFLICT (bot_id) DO NOTHING
            """
        ) { $0.add(bot) }
    }
}

extension LaneLayout {
    init?(_ row: QueryResult.Row) {
        guard let bot = row.text(0).flatMap({ BotID($0) }), let epoch = row.int64(1), let lanes = row.int(2),
            let state = row.text(3).flatMap({ State(rawValue: $0) })
        else { return nil }
        self.init(bot: bot, epoch: Int32(truncatingIfNeeded: epoch), lanes: lanes, state: state)
    }
}
