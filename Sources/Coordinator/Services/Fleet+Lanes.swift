import FleetModel
import Store

extension Fleet {
    /// The layouts in force, with how far changes of them have come.
    func lanes(of records: [BotRecord]) async throws(APIFailure) -> [BotID: LanesView] {
        let (layouts, changes) = try await stored { () throws(StoreError) in
            (try await database.laneLayouts(of: records.map(\.spec.id)), try await database.layoutChanges())
        }
        let sealed = Dictionary(changes.map { ($0.layout.bot, $0.sealed) }, uniquingKeysWith: { first, _ in first })
        return layouts.mapValues { layout in
            LanesView(
                epoch: layout.epoch, lanes: layout.lanes, state: layout.state,
                sealed: layout.state == .closing ? sealed[layout.bot] ?? 0 : nil)
        }
    }

    func places(of bot: BotID) async throws(APIFailure) -> [LanesView.Place] {
        let plans = try await stored { () throws(StoreError) in try await database.lanePlans(of: [bot]) }
        var holders: [LaneKey: String] = [:]
        for view in await roster.views() where view.health != .dead {
            for key in view.heartbeat.lanes ?? [] where key.bot == bot { holders[key] = view.heartbeat.worker.name }
        }
        guard let plan = plans[bot] else { return [] }
        return plan.assignments.compactMap {
            // Nothing is moved into an epoch that ends.
            if $0.key == plan.layout.mover, plan.layout.state == .closing { return nil }
            return LanesView.Place(
                number: $0.key.number, owner: $0.owner, standby: $0.standby, holder: holders[$0.key])
        }
    }
}

extension LaneLayout {
    init(bot: BotID, _ view: LanesView) {
        self.init(bot: bot, epoch: view.epoch, lanes: view.lanes, state: view.state)
    }
}
