import FleetModel

/// What all workers have done since they started, in as few lines as it takes.
public enum CounterSums {
    /// A new counter needs a line here.
    private static let fields: [(name: String, value: @Sendable (Heartbeat.Counters) -> Int64)] = [
        ("received", { $0.received }),
        ("settled", { $0.settled }),
        ("duplicates", { $0.duplicates }),
        ("failed attempts", { $0.failedAttempts }),
        ("dead letters", { $0.deadLettered }),
        ("expired", { $0.expired }),
        ("sent", { $0.sent }),
        ("send errors", { $0.sendErrors }),
        ("refused", { $0.refused }),
        ("ambiguous", { $0.ambiguous }),
        ("chats blocked", { $0.blocked }),
        ("rate-limited", { $0.rateLimited }),
        ("reconnects", { $0.reconnects }),
        ("in flight", { $0.inFlight }),
        ("waiting", { $0.waiting }),
        ("unsent", { $0.unsent }),
    ]

    /// Those that are not zero: `settled 1,000, duplicates 3`; empty when all are.
    public static func text(_ workers: [WorkerView]) -> String {
        let counters = workers.filter { $0.health != .process }.map(\.heartbeat.counters)
        let parts = fields.compactMap { field -> String? in
            let sum = counters.reduce(0) { $0 + field.value($1) }
            return sum == 0 ? nil : "\(field.name) \(NumberText.grouped(sum))"
        }
        if parts.isEmpty { return "" }
        let words = parts.dropLast().map { $0 + "," } + parts.suffix(1)
        return TextWrap.lines(words, first: "since their start: ", rest: "  ")
    }
}
