import Broker
import FleetControl
import FleetModel
import Logging
import Store

extension Fleet {
    func bots() async throws(APIFailure) -> [BotView] {
        let records = try await stored { () throws(StoreError) in try await database.bots() }
        return try await views(of: records)
    }

    func bot(_ id: BotID) async throws(APIFailure) -> BotView {
        let record = try await record(of: id)
        guard var view = try await views(of: [record]).first else { throw .noSuchBot(id) }
        view.lanes?.places = try await places(of: id)
        return view
    }

    private func views(of records: [BotRecord]) async throws(APIFailure) -> [BotView] {
        let deadLetters = try await stored { () throws(StoreError) in try await database.deadLetterCounts() }
        let intakes = try await stored { () throws(StoreError) in try await database.intakeStates() }
        let lanes = try await lanes(of: records)
        let backlogs = await backlogs.messages(of: lanes.map { LaneLayout(bot: $0, $1) })
        var workers: [BotID: Set<String>] = [:]
        for view in await roster.views() where view.health != .dead {
            for bot in view.heartbeat.bots { workers[bot, default: []].insert(view.heartbeat.worker.name) }
        }
        for status in await supervisor?.statuses() ?? [] where status.pid != nil {
            if let bot = DesiredProcesses.bot(ofWorker: status.name) { workers[bot, default: []].insert(status.name) }
        }
        let menus = try await menuScopes(records)
        return records.map { record in
            var view = BotView(
                spec: record.spec,
                telegramID: record.telegramID,
                username: record.username,
                backlog: backlogs[record.spec.id],
                deadLetters: deadLetters[record.spec.id] ?? 0,
                workers: (workers[record.spec.id] ?? []).sorted(by: WorkerOrder.isBefore),
                intake: intakes[record.spec.id],
                lanes: lanes[record.spec.id],
                createdAt: record.createdAt
            )
            let hasMenu = menus.contains { $0.covers(record.spec.id, labels: record.spec.labels) }
            let troubles = BotTroubles.of(view, hasMenu: hasMenu, now: .now)
            if !troubles.isEmpty { view.troubles = troubles }
            return view
        }
    }

    /// Where the config has a menu; asked only for those that need one.
    private func menuScopes(_ records: [BotRecord]) async throws(APIFailure) -> [ConfigScope] {
        guard records.contains(where: { $0.spec.behaviour == ShippedBehaviour.menu.rawValue }) else { return [] }
        return try await stored { () throws(StoreError) in try await database.configScopes(setting: "menu") }
    }

    func addBot(_ request: AddBotRequest, by author: String) async throws(APIFailure) -> BotView {
        let token = try BotAdmission.check(request, behaviours: behaviours)
        try await refuseSecondName(for: BotAdmission.telegramID(of: token), but: request.spec.id)
        let answer = await ask(token, request.check, apiURL: request.spec.apiURL)
        do {
            try await database.addBot(request.spec, token: token, vault: vault)
            try await note(answer, token, of: request.spec.id)
        } catch  where error.code == .conflict {
            throw .conflict("there is a bot '\(request.spec.id)' already")
        } catch {
            throw APIFailure(error)
        }
        await audit(
            "bot.add", request.spec.id.rawValue, by: author, .object(["behaviour": .string(request.spec.behaviour)]))
        await steward.refresh()
        return try await bot(request.spec.id, after: answer)
    }

    /// Two bots of the fleet with one token would take each other's updates, and answer twice.
    func refuseSecondName(for telegramID: Int64?, but id: BotID) async throws(APIFailure) {
        guard let telegramID else { return }
        let records = try await stored { () throws(StoreError) in try await database.bots() }
        if let other = records.first(where: { $0.telegramID == telegramID && $0.spec.id != id }) {
            throw .conflict("bot '\(other.spec.id)' has this token already; a token belongs to one bot")
        }
    }

    /// Stopping ends workers that others supervise as well: they are told to drain and exit with status 0. Whoever
    /// started them must not start them again. A worker that serves another bot which should run goes on, and the
    /// answer still names it.
    func setDesired(_ state: BotSpec.DesiredState, of id: BotID, by author: String) async throws(APIFailure) -> BotView
    {
        do {
            try await database.setDesired(state, of: id)
        } catch  where error.code == .notFound {
            throw .noSuchBot(id)
        } catch {
            throw APIFailure(error)
        }
        await audit(state == .running ? "bot.start" : "bot.stop", id.rawValue, by: author)
        await applyDesired(state, of: id, by: .now + Self.stopPatience)
        return try await bot(id)
    }

    func changeBot(_ id: BotID, _ change: BotChange, by author: String) async throws(APIFailure) -> BotView {
        try BotAdmission.check(change)
        do {
            try await database.changeBot(id, change)
        } catch  where error.code == .notFound {
            throw .noSuchBot(id)
        } catch {
            throw APIFailure(error)
        }
        var detail: [String: ConfigValue] = [:]
        if let lanes = change.lanes { detail["lanes"] = .int(Int64(lanes)) }
        if let workers = change.workers { detail["workers"] = .int(Int64(workers)) }
        if let intake = change.intake { detail["intake"] = .string(intake.rawValue) }
        await audit("bot.set", id.rawValue, by: author, .object(detail))
        await steward.refresh()
        return try await bot(id)
    }

    func restartBot(_ id: BotID, by author: String) async throws(APIFailure) -> BotView {
        let record = try await record(of: id)
        guard record.spec.desired == .running else {
            throw .conflict("bot '\(id)' is stopped; start it with `fleetctl bot start \(id)`")
        }
        guard let supervisor else {
            throw .conflict("this coordinator supervises no workers; restart the worker of '\(id)' where it runs")
        }
        await steward.refresh()
        await supervisor.restart { DesiredProcesses.bot(ofWorker: $0) == id }
        await audit("bot.restart", id.rawValue, by: author)
        return try await bot(id)
    }

    /// Stops the workers and the polling first, so that nothing settles into what is being removed and no gateway
    /// declares its queue again. A queue that cannot be deleted, because the broker is away, stays, and the log says so.
    func removeBot(_ id: BotID, by author: String) async throws(APIFailure) {
        let deadline = ContinuousClock.now + Self.stopPatience
        _ = try await record(of: id)
        try await stored { () throws(StoreError) in try await database.setDesired(.stopped, of: id) }
        await applyDesired(.stopped, of: id, by: deadline)
        try await untilUnpolled(id, by: deadline)
        let layouts = try await stored { () throws(StoreError) in try await database.layoutsWithQueues(of: id) }
        try await stored { () throws(StoreError) in try await database.removeBot(id) }
        await audit("bot.remove", id.rawValue, by: author)
        do throws(BrokerError) {
            try await backlogs.deleteQueues(of: id, layouts)
        } catch {
            logger.error("the queues of a removed bot are left: \(error)", metadata: ["bot": "\(id)"])
        }
    }
}
