import FleetControl
import FleetModel
import Logging
import Store

extension Fleet {
    func broadcast(_ request: ConfigBroadcastRequest, by author: String) async throws(APIFailure) -> TallyView {
        try ConfigAdmission.check(request)
        // Asked before anything is committed: without the broker nobody would hear of it.
        guard await broadcaster.isConnected else {
            throw .unavailable("RabbitMQ is away, so nothing was changed; try again")
        }
        let records = try await stored { () throws(StoreError) in try await database.bots() }
        if case .bot(let id) = request.scope, !records.contains(where: { $0.spec.id == id }) { throw .noSuchBot(id) }

        if case .label(let key, let value) = request.scope, !records.contains(where: { $0.spec.labels[key] == value }) {
            throw .notFound(
                "no bot has the label \(key)=\(value), so nothing was changed; `fleetctl bot list` shows all")
        }

        let change = ConfigChange(scope: request.scope, set: request.set, unset: request.unset.sorted())
        let generation = try await stored { () throws(StoreError) in
            try await database.commitConfig(change, author: author, reason: request.reason)
        }
        await roster.setGeneration(generation.number, hash: generation.hash)
        await audit(
            "config.broadcast", "\(request.scope)", by: author,
            .object(["generation": .int(generation.number), "set": .object(request.set)]))
        // The labels come from the database, not from the workers.
        let covered = records.map(\.spec).filter { request.scope.covers($0.id, labels: $0.labels) }
        return try await send(generation, covering: covered, request, author)
    }

    private func send(
        _ generation: ConfigGeneration,
        covering covered: [BotSpec],
        _ request: ConfigBroadcastRequest,
        _ author: String
    ) async throws(APIFailure) -> TallyView {
        let ids = Set(covered.map(\.id))
        let expected = await roster.expected { ids.contains($0) }
        let message = ControlMessage(id: Incarnation().rawValue, sentAt: .now, action: .config(generation))
        do throws(StoreError) {
            try await database.recordCommand(message, actor: author, expected: expected.map(\.worker.incarnation))
        } catch {
            logger.warning("the broadcast is not recorded: \(error)")
        }
        let roster = roster
        do throws(BroadcastError) {
            let result = try await broadcaster.broadcast(
                message, to: FleetTopology.configExchange, generation: generation.number, expecting: expected,
                timeout: .milliseconds(request.timeoutMilliseconds)
            ) { await roster.isHeardOf($0) }
            await record(result.replies)
            var view = result.view
            view.rows += Self.unserved(covered, expected)
            return view
        } catch {
            throw .unavailable(
                "generation \(generation.number) is committed but was not announced: \(error); "
                    + "the workers take it over within seconds of hearing from the coordinator again")
        }
    }

    /// Bots that should run and that no worker reported for: nobody applies the change for them now.
    static func unserved(_ covered: [BotSpec], _ expected: [Tally.Expected]) -> [TallyView.Row] {
        let served = Set(expected.flatMap(\.bots))
        return covered.filter { $0.desired == .running && !served.contains($0.id) }.map { bot in
            TallyView.Row(
                // Of the worker it ought to have.
                worker: WorkerIdentity(
                    name: DesiredProcesses.workerNames(of: bot)[0], incarnation: Incarnation(rawValue: "")),
                bots: [bot.id], result: .missing, milliseconds: nil, reason: "no worker reported")
        }
    }

    private func record(_ replies: [ControlReply]) async {
        do throws(StoreError) {
            try await database.recordReplies(replies)
        } catch {
            logger.warning("the answers to a broadcast are not recorded: \(error)")
        }
    }

    func config(for bot: BotID?) async throws(APIFailure) -> ConfigView {
        let state = try await stored { () throws(StoreError) in try await database.configState() }
        var view = ConfigView(
            generation: state.generation,
            hash: state.hash,
            scopes: Dictionary(uniqueKeysWithValues: state.values.map { ("\($0.key)", $0.value) }),
            effective: nil
        )
        guard let bot else { return view }
        let labels = try await record(of: bot).spec.labels
        view.effective = ConfigSchema.keys.map { key in
            let set = state.explain(key.name, bot: bot, labels: labels)
            return ConfigView.Entry(
                key: key.name, value: set?.value ?? key.standard, source: set.map { "\($0.scope)" } ?? "default")
        }
        return view
    }

    func configHistory(limit: Int) async throws(APIFailure) -> [GenerationView] {
        try await stored { () throws(StoreError) in try await database.configHistory(limit: limit) }
    }
}

/// What a change of the config must fulfil before anything is committed or sent.
enum ConfigAdmission {
    static let longestTimeout = 600_000

    static func check(_ request: ConfigBroadcastRequest) throws(APIFailure) {
        var problems = ConfigSchema.problems(in: request.set)
        for key in request.unset.sorted() {
            if ConfigSchema.key(key) == nil {
                problems.append(ConfigProblem(key: key, reason: ConfigSchema.unknown(key)))
            } else if request.set[key] != nil {
                problems.append(ConfigProblem(key: key, reason: "it is both set and unset"))
            }
        }
        if !problems.isEmpty { throw .invalid("the config is not valid; nothing was sent", problems) }
        if request.set.isEmpty && request.unset.isEmpty { throw .invalid("nothing is set or unset", []) }
        guard (1...longestTimeout).contains(request.timeoutMilliseconds) else {
            throw .badRequest("timeoutMilliseconds: expected 1 to \(longestTimeout)")
        }
    }
}
