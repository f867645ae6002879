public import FleetModel

/// Who was expected to answer a broadcast, and what became of each: a value without clock or I/O.
///
/// The expected are incarnations, taken from the roster when the message was sent, so a worker that died and was
/// started again is not mistaken for one that is slow. The first fact about a worker stands. Times are durations since
/// publishing.
public struct Tally: Sendable {
    /// One worker an answer is expected of.
    public struct Expected: Sendable, Equatable {
        public var worker: WorkerIdentity
        public var bots: [BotID]

        public init(worker: WorkerIdentity, bots: [BotID]) {
            self.worker = worker
            self.bots = bots
        }
    }

    private enum Fact: Sendable {
        case waiting
        case applied(after: Duration)
        case refused(String, after: Duration)
        case died
    }

    private struct Entry: Sendable {
        let expected: Expected
        var fact: Fact = .waiting
    }

    public let generation: Int64
    private var entries: [Incarnation: Entry] = [:]
    private var outstanding = 0

    public init(generation: Int64, expected: [Expected]) {
        self.generation = generation
        for one in expected { entries[one.worker.incarnation] = Entry(expected: one) }
        outstanding = entries.count
    }

    /// Nobody is waited for any more.
    public var isComplete: Bool { outstanding == 0 }

    /// Whether this incarnation is expected to answer and has neither answered nor died.
    public func isWaiting(for incarnation: Incarnation) -> Bool {
        if case .waiting? = entries[incarnation]?.fact { return true }
        return false
    }

    /// A worker answered. Answers of workers that were not expected, and second answers, change nothing.
    public mutating func answered(_ reply: ControlReply, after elapsed: Duration) {
        switch reply.outcome {
        case .applied: settle(reply.worker.incarnation, .applied(after: elapsed))
        case .refused(let why): settle(reply.worker.incarnation, .refused(why, after: elapsed))
        }
    }

    /// A worker's process is known to have ended.
    public mutating func died(_ incarnation: Incarnation) { settle(incarnation, .died) }

    private mutating func settle(_ incarnation: Incarnation, _ fact: Fact) {
        guard case .waiting? = entries[incarnation]?.fact else { return }
        entries[incarnation]?.fact = fact
        outstanding -= 1
    }

    /// The answer for the operator: one row per worker expected, by name.
    /// - Parameter isHeardOf: whether a worker without an answer still sends heartbeats: `late`, otherwise `missing`.
    public func view(after elapsed: Duration, isHeardOf: (Incarnation) -> Bool) -> TallyView {
        let rows = entries.values.map { entry in
            let worker = entry.expected.worker
            let (result, answered, reason): (TallyView.Result, Duration?, String?) =
                switch entry.fact {
                case .applied(let after): (.applied, after, nil)
                case .refused(let why, let after): (.refused, after, why)
                case .died: (.missing, nil, "died")
                case .waiting where isHeardOf(worker.incarnation): (.late, nil, "no answer before the deadline")
                case .waiting: (.missing, nil, "not heard of any more")
                }
            return TallyView.Row(
                worker: worker,
                bots: entry.expected.bots,
                result: result,
                milliseconds: answered.map(Self.milliseconds),
                reason: reason
            )
        }
        return TallyView(
            generation: generation,
            rows: rows.sorted {
                ($0.worker.name, $0.worker.incarnation.rawValue) < ($1.worker.name, $1.worker.incarnation.rawValue)
            },
            milliseconds: Self.milliseconds(elapsed)
        )
    }

    private static func milliseconds(_ duration: Duration) -> Double {
        let (seconds, attoseconds) = duration.components
        return Double(seconds) * 1000 + Double(attoseconds / 1_000_000_000_000) / 1000
    }
}
