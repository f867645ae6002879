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
        guard let view = try await views(of: [record]).first else { throw .noSuchBot(id) }
        return view
    }

    private func views(of records: [BotRecord]) async throws(APIFailure) -> [BotView] {
        let deadLetters = try await stored { () throws(StoreError) in try await database.deadLetterCounts() }
        let intakes = try await stored { () throws(StoreError) in try await database.intakeStates() }
        let backlogs = await backlogs.messages(of: records.map(\.spec.id))
        var workers: [BotID: Set<String>] = [:]
        for view in await roster.views() where view.health != .dead {
            for bot in view.heartbeat.bots { workers[bot, default: []].insert(view.heartbeat.worker.name) }
        }
        let running = Set(await supervisor?.statuses().filter { $0.pid != nil }.map(\.name) ?? [])
        return records.map { record in
            var names = workers[record.spec.id] ?? []
            let own = DesiredProcesses.workerName(of: record.spec.id)
            if running.contains(own) { names.insert(own) }
            return BotView(
                spec: record.spec,
                telegramID: record.telegramID,
                username: record.username,
                backlog: backlogs[record.spec.id],
                deadLetters: deadLetters[record.spec.id] ?? 0,
                workers: names.sorted(),
                intake: intakes[record.spec.id],
                createdAt: record.createdAt
            )
        }
    }

    func addBot(_ request: AddBotRequest, by author: String) async throws(APIFailure) -> BotView {
        let token = try BotAdmission.check(request)
        let telegramID = BotAdmission.telegramID(of: token)
        try await refuseSecondName(for: telegramID, but: request.spec.id)
        do {
            try await database.addBot(request.spec, token: token, vault: vault)
            if let telegramID {
                try await database.setTelegramIdentity(of: request.spec.id, telegramID: telegramID, username: nil)
            }
        } catch  where error.code == .conflict {
            throw .conflict("there is a bot '\(request.spec.id)' already")
        } catch {
            throw APIFailure(error)
        }
        await audit(
            "bot.add", request.spec.id.rawValue, by: author, .object(["behaviour": .string(request.spec.behaviour)]))
        await steward.refresh()
        return try await bot(request.spec.id)
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

    func restartBot(_ id: BotID, by author: String) async throws(APIFailure) -> BotView {
        let record = try await record(of: id)
        guard record.spec.desired == .running else {
            throw .conflict("bot '\(id)' is stopped; start it with `fleetctl bot start \(id)`")
        }
        guard let supervisor else {
            throw .conflict("this coordinator supervises no workers; restart the worker of '\(id)' where it runs")
        }
        await steward.refresh()
        await supervisor.restart(DesiredProcesses.workerName(of: id))
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
        try await stored { () throws(StoreError) in try await database.removeBot(id) }
        await audit("bot.remove", id.rawValue, by: author)
        do throws(BrokerError) {
            try await backlogs.deleteQueues(of: id)
        } catch {
            logger.error("the queues of a removed bot are left: \(error)", metadata: ["bot": "\(id)"])
        }
    }
}

/// What a new bot must fulfil.
enum BotAdmission {
    /// Returns its token.
    static func check(_ request: AddBotRequest) throws(APIFailure) -> Secret {
        let spec = request.spec
        guard ShippedBehaviour(rawValue: spec.behaviour) != nil else {
            let names = ShippedBehaviour.names.joined(separator: ", ")
            throw .badRequest("there is no behaviour '\(spec.behaviour)'; valid are: \(names)")
        }
        guard spec.lanes == 1 else { throw .badRequest("lanes: expected 1, got \(spec.lanes)") }
        for (key, value) in spec.labels where !isLabel(key) || !isLabel(value) {
            throw .badRequest("label '\(key)=\(value)': key and value need 1 to 63 of a-z A-Z 0-9 _ - .")
        }
        if let url = spec.apiURL, !url.hasPrefix("http://"), !url.hasPrefix("https://") {
            throw .badRequest("apiURL: expected a URL with http or https")
        }
        return try token(request.token)
    }

    /// `<user id>:<secret>`, as BotFather gives it; white space around it is dropped.
    static func token(_ text: String) throws(APIFailure) -> Secret {
        let trimmed = text.utf8.drop { $0 <= 32 }.reversed().drop { $0 <= 32 }.reversed()
        let token = String(decoding: Array(trimmed), as: UTF8.self)
        let parts = token.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].utf8.allSatisfy({ (48...57).contains($0) }), Int64(parts[0]) != nil,
            (1...128).contains(parts[1].utf8.count), parts[1].utf8.allSatisfy(isTokenByte)
        else { throw .badRequest("token: expected NUMBER:SECRET as BotFather gives it") }
        return Secret(token)
    }

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        isAlphanumeric(byte) || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
    }

    private static func isLabel(_ text: String) -> Bool {
        (1...63).contains(text.utf8.count) && text.utf8.allSatisfy { isTokenByte($0) || $0 == UInt8(ascii: ".") }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122: true
        default: false
        }
    }
}
