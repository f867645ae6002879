import FleetModel

/// How long the fleet took after each fault until it was as before: no update that concerns it had waited for its reply
/// for longer than ``usual``.
struct Recovery {
    /// Microseconds. A handler may take some hundred milliseconds, and a failed one is tried again.
    static let usual: Int64 = 2_000_000
    /// An update that comes when a fault ends is late only after this: so long must be looked ahead.
    private static let lookahead = usual + 500_000

    /// Spans in which some update of the bot was overdue, in order, not overlapping. Microseconds.
    private var spans: [BotID: [ClosedRange<Int64>]] = [:]
    private var all: [ClosedRange<Int64>] = []

    init(_ evidence: Evidence) {
        var firsts: [MessageKey: Int64] = [:]
        for reply in evidence.replies {
            let key = MessageKey(reply)
            firsts[key] = min(firsts[key] ?? .max, reply.at)
        }
        var overdue: [BotID: [ClosedRange<Int64>]] = [:]
        for update in evidence.updates {
            let due = update.at + Self.usual
            let reply = firsts[MessageKey(update)] ?? .max
            if reply > due { overdue[update.bot, default: []].append(due...reply) }
        }
        spans = overdue.mapValues(Self.merged)
        all = Self.merged(overdue.values.flatMap { $0 })
    }

    /// - Returns: milliseconds; 0 when nothing was late, `nil` when something is late for ever.
    func milliseconds(after fault: TimelineEntry) -> Int? {
        let spans = fault.bot.map { self.spans[$0] ?? [] } ?? all
        guard let span = spans.last(where: { $0.lowerBound <= fault.end + Self.lookahead }),
            span.upperBound > fault.end
        else { return 0 }
        return span.upperBound == .max ? nil : Int((span.upperBound - fault.end) / 1000)
    }

    private static func merged(_ spans: [ClosedRange<Int64>]) -> [ClosedRange<Int64>] {
        var merged: [ClosedRange<Int64>] = []
        for span in spans.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = merged.last, last.upperBound >= span.lowerBound {
                merged[merged.count - 1] = last.lowerBound...max(last.upperBound, span.upperBound)
            } else {
                merged.append(span)
            }
        }
        return merged
    }
}
