import FleetModel

/// Judges whether the promise was kept. Pure: what the witnesses say and what was done goes in, findings come out.
///
/// The promise: each update takes effect exactly once in the database, and in order within its chat; a message goes out
/// at least once, and again only where its answer may not have been durably marked.
public struct ChaosAudit: Sendable {
    public var evidence: Evidence
    public var timeline: [TimelineEntry]

    public init(evidence: Evidence, timeline: [TimelineEntry]) {
        self.evidence = evidence
        self.timeline = timeline
    }

    public func result() -> AuditResult {
        var result = AuditResult()
        result.injected = evidence.updates.count
        let copies = Dictionary(grouping: evidence.replies, by: MessageKey.init)
        findLosses(copies, &result)
        findDoubles(copies, &result)
        findDisorder(&result)
        findLeftovers(&result)
        result.repeats = RepeatCauses(timeline: timeline).explain(evidence.updates, copies)
        for item in result.repeats where item.cause == nil {
            result.add(.unexplained, item.bot, item.chat, item.updateID, "sent again without a cause")
        }
        return result
    }

    /// An update is lost when it was not handed out, is not settled as done, has no reply, or left no trace in its
    /// chat's count.
    private func findLosses(_ copies: [MessageKey: [Evidence.Reply]], _ result: inout AuditResult) {
        var expected: [ChatKey: Int] = [:]
        for update in evidence.updates {
            let holding = evidence.holdings[update.bot]
            let isDone = holding?.done.contains(update.updateID) ?? false
            let isDead = holding?.dead.contains(update.updateID) ?? false
            let isReplied = copies[MessageKey(update)] != nil
            if isDone { result.settled += 1 }
            if isReplied { result.replied += 1 }
            if isDone { expected[ChatKey(bot: update.bot, chat: update.chat), default: 0] += 1 }
            let lack: String? =
                update.handedOutAt == nil
                ? "never taken by the gateway"
                : isDead
                    ? "dead-lettered"
                    : !isDone ? "not in the inbox" : !isReplied ? "settled, and no reply was received" : nil
            if let lack { result.add(.lost, update.bot, update.chat, update.updateID, lack) }
        }
        for (chat, count) in expected {
            let had = evidence.holdings[chat.bot]?.ledgers[chat.chat]?.count ?? 0
            if had < count {
                result.add(.lost, chat.bot, chat.chat, nil, "\(count) updates are settled, \(had) effects are counted")
            } else if had > count {
                result.add(.twice, chat.bot, chat.chat, nil, "\(count) updates are settled, \(had) effects are counted")
            }
        }
    }

    /// Copies of one reply carry one count: another count is another effect.
    private func findDoubles(_ copies: [MessageKey: [Evidence.Reply]], _ result: inout AuditResult) {
        for (key, copies) in copies where Set(copies.map(\.count)).count > 1 {
            let counts = copies.map { String($0.count) }.joined(separator: ", ")
            result.add(.twice, key.bot, key.chat, nil, "message \(key.number) was counted as \(counts)")
        }
    }

    /// In the database: the ledger saw a number that was not above the one before, or the counts that the replies carry
    /// do not follow the numbers. Among what was received: the first copies.
    private func findDisorder(_ result: inout AuditResult) {
        for (bot, holding) in evidence.holdings {
            for (chat, ledger) in holding.ledgers where ledger.disorder > 0 {
                result.add(.disorder, bot, chat, nil, "\(ledger.disorder) updates took effect after a later one")
            }
        }
        var seen: Set<MessageKey> = []
        var highest: [ChatKey: Evidence.Reply] = [:]
        for reply in evidence.replies where seen.insert(MessageKey(reply)).inserted {
            let chat = ChatKey(bot: reply.bot, chat: reply.chat)
            if let last = highest[chat] {
                if reply.number < last.number {
                    result.add(
                        .disorder, reply.bot, reply.chat, nil, "message \(reply.number) answered after \(last.number)")
                } else if reply.count <= last.count {
                    result.add(
                        .disorder, reply.bot, reply.chat, nil,
                        "message \(reply.number) was counted before message \(last.number)")
                }
                if reply.number < last.number { continue }
            }
            highest[chat] = reply
        }
    }

    private func findLeftovers(_ result: inout AuditResult) {
        for (bot, holding) in evidence.holdings {
            if holding.unsent > 0 { result.add(.left, bot, nil, nil, "\(holding.unsent) messages are still unsent") }
            if holding.waiting > 0 { result.add(.left, bot, nil, nil, "\(holding.waiting) updates are still parked") }
        }
    }
}
