import FleetModel

/// How long the fleet took after each fault to catch up: from its end until every update that was made before, of the
/// bots concerned, had its first reply. What other faults did meanwhile is in it.
struct Recovery {
    /// Of every update when it was made and when it had its reply (`.max`: never), by bot, in the order of making.
    private var spans: [BotID: [(made: Int64, answered: Int64)]] = [:]

    init(_ evidence: Evidence) {
        var firsts: [MessageKey: Int64] = [:]
        for reply in evidence.replies {
            let key = MessageKey(reply)
            firsts[key] = min(firsts[key] ?? .max, reply.at)
        }
        for update in evidence.updates {
            spans[update.bot, default: []].append((update.at, firsts[MessageKey(update)] ?? .max))
        }
    }

    /// - Returns: milliseconds; 0 when all was answered, `nil` when something never was.
    func milliseconds(after fault: TimelineEntry) -> Int? {
        let concerned = fault.bot.map { [spans[$0] ?? []] } ?? Array(spans.values)
        var last = fault.end
        for span in concerned.joined() where span.made <= fault.end { last = max(last, span.answered) }
        return last == .max ? nil : Int((last - fault.end) / 1000)
    }
}
