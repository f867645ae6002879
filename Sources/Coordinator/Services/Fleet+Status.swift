import FleetControl
import FleetModel
import Store

extension Fleet {
    func health() async -> HealthView {
        let broker = await broadcaster.isConnected
        let database = await steward.databaseAnswers
        return HealthView(status: broker && database ? "ok" : "degraded", broker: broker, database: database)
    }

    func status() async throws(APIFailure) -> StatusView {
        let config = try await stored { () throws(StoreError) in try await database.configState(scopes: []) }
        return StatusView(
            coordinator: incarnation,
            startedAt: startedAt,
            generation: config.generation,
            bots: try await bots(),
            workers: try await workers()
        )
    }

    func workers() async throws(APIFailure) -> [WorkerView] {
        Self.merge(await roster.views(), await supervisor?.statuses() ?? [])
    }

    /// Adds the supervisor's knowledge to the roster's: restarts, and processes not heard of yet.
    static func merge(_ views: [WorkerView], _ statuses: [ProcessStatus]) -> [WorkerView] {
        let statusOf = Dictionary(statuses.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        // The dead whose successor has been started are replaced, though it has not spoken yet.
        var merged = views.filter { view in
            guard view.health == .dead, let pid = statusOf[view.heartbeat.worker.name]?.pid else { return true }
            return pid == view.heartbeat.pid
        }
        for index in merged.indices {
            merged[index].restarts = statusOf[merged[index].heartbeat.worker.name]?.restarts
        }
        let heard = Set(views.map(\.heartbeat.pid))
        for status in statuses {
            guard let pid = status.pid, !heard.contains(pid) else { continue }
            let heartbeat = Heartbeat(
                worker: WorkerIdentity(name: status.name, incarnation: Incarnation(rawValue: "")),
                bots: [],
                host: "",
                pid: pid,
                state: .starting,
                startedAt: .now,
                sentAt: .now,
                generation: 0,
                generationHash: "",
                residentBytes: 0,
                counters: Heartbeat.Counters()
            )
            let health: WorkerView.Health = DesiredProcesses.isGateway(status.name) ? .process : .starting
            merged.append(WorkerView(heartbeat: heartbeat, health: health, restarts: status.restarts))
        }
        return merged.sorted { $0.heartbeat.worker.name < $1.heartbeat.worker.name }
    }
}
