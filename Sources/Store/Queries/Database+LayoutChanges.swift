import FleetModel

/// A bot whose layout is not yet the one that is wanted.
public struct LayoutState: Sendable, Equatable {
    public var layout: LaneLayout
    /// How many lanes the operator wants.
    public var wanted: Int
    /// How many of the present epoch's lanes are sealed.
    public var sealed: Int
    /// Epochs before this one have no queues any more.
    public var sweptEpoch: Int32
    /// Layouts that are over and whose queues may still be there.
    public var left: [LaneLayout]

    public init(layout: LaneLayout, wanted: Int, sealed: Int = 0, sweptEpoch: Int32, left: [LaneLayout] = []) {
        self.layout = layout
        self.wanted = wanted
        self.sealed = sealed
        self.sweptEpoch = sweptEpoch
        self.left = left
    }
}

extension Database {
    /// The bots whose layout changes or should, by id, all of one moment.
    public func layoutChanges() async throws(StoreError) -> [LayoutState] {
        let bots = Statement(
            "layout.changes",
            """
            SELECT bot.id, bot.lanes, layout.epoch, layout.lanes, layout.state,
                (SELECT count(*) FROM lane WHERE bot_id = bot.id AND epoch = layout.epoch
                    AND number BETWEEN 0 AND layout.lanes - 1 AND sealed_at IS NOT NULL),
                layout.swept_epoch
            FROM bot JOIN lane_layout AS layout ON layout.bot_id = bot.id
            WHERE bot.lanes <> layout.lanes OR layout.state = 'closing' OR layout.swept_epoch < layout.epoch
            ORDER BY bot.id
            """)
        // Every lane of an epoch that is over was sealed, so each has its row.
        let left = Statement(
            "layout.left",
            """
            SELECT layout.bot_id, lane.epoch, max(lane.number) + 1
            FROM lane_layout AS layout JOIN lane ON lane.bot_id = layout.bot_id
                AND lane.epoch >= layout.swept_epoch AND lane.epoch < layout.epoch AND lane.number >= 0
            WHERE layout.swept_epoch < layout.epoch GROUP BY layout.bot_id, lane.epoch ORDER BY lane.epoch
            """)
        let results = try await pipeline([bots, left], idempotent: true)
        var over: [BotID: [LaneLayout]] = [:]
        for row in results[1] {
            guard let bot = row.text(0).flatMap({ BotID($0) }), let epoch = row.int64(1), let lanes = row.int(2)
            else { continue }
            over[bot, default: []].append(
                LaneLayout(bot: bot, epoch: Int32(truncatingIfNeeded: epoch), lanes: lanes))
        }
        return results[0].compactMap { row in
            guard let bot = row.text(0).flatMap({ BotID($0) }), let wanted = row.int(1), let epoch = row.int64(2),
                let lanes = row.int(3), let state = row.text(4).flatMap({ LaneLayout.State(rawValue: $0) })
            else { return nil }
            return LayoutState(
                layout: LaneLayout(bot: bot, epoch: Int32(truncatingIfNeeded: epoch), lanes: lanes, state: state),
                wanted: wanted, sealed: row.int(5) ?? 0, sweptEpoch: Int32(truncatingIfNeeded: row.int64(6) ?? 0),
                left: over[bot] ?? [])
        }
    }

    /// The layouts in force, without who serves them.
    public func laneLayouts(of bots: [BotID]) async throws(StoreError) -> [BotID: LaneLayout] {
        let statement = Statement(
            "layout.some", "SELECT bot_id, epoch, lanes, state FROM lane_layout WHERE bot_id = ANY ($1::text[])"
        ) { $0.add(bots) }
        var layouts: [BotID: LaneLayout] = [:]
        for row in try await query(statement, idempotent: true) {
            guard let layout = LaneLayout(row) else { continue }
            layouts[layout.bot] = layout
        }
        return layouts
    }

    /// Every layout of a bot that may have queues in the broker: that in force, the next while that one closes, and those
    /// that are over and not swept yet.
    public func layoutsWithQueues(of bot: BotID) async throws(StoreError) -> [LaneLayout] {
        let layout = try await laneLayout(of: bot)
        guard let state = try await layoutChanges().first(where: { $0.layout.bot == bot }) else { return [layout] }
        let next = LaneLayout(bot: bot, epoch: layout.epoch + 1, lanes: state.wanted)
        return state.left + [layout] + (state.layout.state == .closing ? [next] : [])
    }

    /// Notes that the queues of all epochs before this one are gone.
    public func noteSwept(_ bot: BotID, before epoch: Int32) async throws(StoreError) {
        let statement = Statement(
            "layout.swept",
            "UPDATE lane_layout SET swept_epoch = $2 WHERE bot_id = $1 AND swept_epoch < $2 AND epoch >= $2"
        ) {
            $0.add(bot)
            $0.add(epoch)
        }
        _ = try await pipeline([statement], idempotent: true)
    }
}
