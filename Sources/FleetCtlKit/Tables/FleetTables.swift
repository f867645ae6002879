import FleetModel

/// The answers of the coordinator as tables.
public enum FleetTables {
    /// Who they are.
    public static func bots(_ bots: [BotView]) -> String {
        if bots.isEmpty { return none }
        var table = TextTable([
            .init("BOT"), .init("USERNAME"), .init("BEHAVIOUR"), .init("DESIRED"), .init("LANES", .right),
            .init("LABELS"), .init("WORKERS"),
        ])
        for bot in bots {
            let labels = bot.spec.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            table.add([
                bot.spec.id.rawValue, bot.username.map { "@" + $0 } ?? "–", bot.spec.behaviour,
                bot.spec.desired.rawValue, lanes(bot), labels.isEmpty ? "–" : labels.joined(separator: " "),
                bot.workers.isEmpty ? "–" : bot.workers.joined(separator: ","),
            ])
        }
        return table.rendered() + bots.compactMap(laneChange).map { $0 + "\n" }.joined()
    }

    private static let none = "no bots yet; add one with `fleetctl bot add`\n"

    /// How they do.
    static func health(_ bots: [BotView]) -> String {
        if bots.isEmpty { return none }
        var table = TextTable([
            .init("BOT"), .init("BEHAVIOUR"), .init("DESIRED"), .init("INTAKE"), .init("LANES", .right),
            .init("WAITING", .right), .init("DEAD", .right), .init("WORKERS"),
        ])
        for bot in bots {
            table.add([
                bot.spec.id.rawValue, bot.spec.behaviour, bot.spec.desired.rawValue, intake(bot), lanes(bot),
                number(bot.backlog), String(bot.deadLetters),
                bot.workers.isEmpty ? "–" : bot.workers.joined(separator: ","),
            ])
        }
        return table.rendered() + bots.compactMap(laneChange).map { $0 + "\n" }.joined()
    }

    public static func bot(_ bot: BotView) -> String {
        var table = TextTable([.init("BOT"), .init(bot.spec.id.rawValue)])
        let spec = bot.spec
        let labels = spec.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
        let workers = bot.workers.joined(separator: " ")
        let rows: [(name: String, value: String)] =
            [
                ("behaviour", spec.behaviour),
                ("desired", spec.desired.rawValue),
                ("labels", labels),
                ("lanes", lanesAtLength(bot)),
                ("queue", spec.queue.rawValue),
                ("intake", intakeAtLength(bot)),
                ("api", spec.apiURL ?? "the fleet's"),
                ("telegram id", number(bot.telegramID)),
                ("username", bot.username.map { "@" + $0 } ?? ""),
                ("waiting", number(bot.backlog)),
                ("dead letters", String(bot.deadLetters)),
                ("workers", workers),
                ("added", bot.createdAt.description),
            ]
            + places(bot)
        for (name, value) in rows { table.add([name, value.isEmpty ? "–" : value]) }
        return table.rendered()
    }

    private static func number(_ value: Int64?) -> String { value.map { String($0) } ?? "–" }

    public static func workers(_ workers: [WorkerView], now: Timestamp) -> String {
        if workers.isEmpty { return "no workers\n" }
        var table = TextTable([
            .init("WORKER"), .init("PID", .right), .init("STATE"), .init("GEN", .right), .init("SETTLED", .right),
            .init("WAITING", .right), .init("SENT", .right), .init("UNSENT", .right), .init("RSS", .right),
            .init("UP", .right), .init("RST", .right),
        ])
        for worker in workers { table.add(row(worker, now)) }
        return table.rendered()
    }

    private static func row(_ worker: WorkerView, _ now: Timestamp) -> [String] {
        let beat = worker.heartbeat
        let up = NumberText.age(milliseconds: now.milliseconds(since: beat.startedAt))
        let restarts = worker.restarts.map { String($0) } ?? "–"
        if isGateway(worker) {
            // It sends no heartbeats: all that is known is that its process lives.
            return [beat.worker.name, String(beat.pid), "process"] + Array(repeating: "–", count: 7) + [restarts]
        }
        return [
            beat.worker.name, String(beat.pid), worker.health == .live ? beat.state.rawValue : worker.health.rawValue,
            String(beat.generation), NumberText.short(beat.counters.settled), NumberText.short(beat.counters.waiting),
            NumberText.short(beat.counters.sent), NumberText.short(beat.counters.unsent),
            "\(beat.residentBytes / 1_000_000)M", up, restarts,
        ]
    }

    static func isGateway(_ worker: WorkerView) -> Bool { worker.health == .process }

    public static func status(_ status: StatusView, now: Timestamp) -> String {
        let up = NumberText.age(milliseconds: now.milliseconds(since: status.startedAt))
        return "coordinator \(status.coordinator), up \(up), config generation \(status.generation)\n\n"
            + health(status.bots) + troubles(status.bots) + "\n" + workers(status.workers, now: now)
            + CounterSums.text(status.workers)
    }

    public static func tally(_ tally: TallyView) -> String {
        if tally.rows.isEmpty {
            return "generation \(tally.generation) is stored; no worker runs to apply it now\n"
        }
        var table = TextTable([.init("WORKER"), .init("BOTS"), .init("RESULT"), .init("MS", .right), .init("WHY")])
        for row in tally.rows {
            table.add([
                row.worker.name, row.bots.map(\.rawValue).joined(separator: ","), row.result.rawValue,
                row.milliseconds.map { NumberText.fixed($0) } ?? "–", row.reason ?? "",
            ])
        }
        let counts = TallyView.Result.allCases.compactMap { result in
            let count = tally.count(result)
            return count == 0 ? nil : "\(count) \(result.rawValue)"
        }
        return table.rendered() + "generation \(tally.generation): \(counts.joined(separator: ", ")) of "
            + "\(tally.rows.count) in \(NumberText.fixed(tally.milliseconds)) ms\n"
    }
}
