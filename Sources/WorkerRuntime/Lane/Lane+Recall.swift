import FleetModel
import Store

/// Asking the database: what an update that may have been here before came to, and the sessions of chats that are not
/// in memory.
extension Lane {
    mutating func takeRecall() -> Recall? {
        guard isOwned, recalling == nil, !unrecalled.isEmpty else { return nil }
        lastRecall += 1
        var recall = Recall(id: lastRecall)
        var asked: Set<Int64> = []
        for tag in unrecalled {
            guard let entry = entries[tag] else { continue }
            if entry.doubtful { recall.updates.append(entry.update.id) }
            let id = entry.update.conversation
            if conversations[id]?.session == nil, asked.insert(id).inserted { recall.conversations.append(id) }
        }
        recalling = (recall.id, unrecalled)
        unrecalled = []
        return recall
    }

    mutating func recalled(
        _ recall: Recall,
        inbox: [Int64: InboxOutcome],
        sessions: [Int64: [UInt8]],
        waiting: Set<Int64> = [],
        blocked: Set<Int64> = [],
        now: ContinuousClock.Instant
    ) {
        // An answer from before a reset says nothing about now.
        guard let tags = recalling?.tags, recalling?.id == recall.id else { return }
        recalling = nil
        for id in recall.conversations where conversations[id]?.session == nil {
            conversations[id]?.session = .some(sessions[id])
        }
        for id in blocked { sends.blocks.add(id, "the chat is blocked", now: now) }
        // Taken before duplicates go: what stands behind one in a held chat is parked, too.
        let chats = parked.isEmpty ? [] : Set(tags.compactMap { entries[$0]?.update.conversation })
        for tag in tags {
            guard var entry = entries[tag] else { continue }
            entry.doubtful = false
            // A replay may run although the inbox holds its update as dead.
            let outcome = inbox[entry.update.id]
            if entry.row == nil { entry.wasDead = outcome == .dead && entry.replay != nil }
            entries[tag] = entry
            if outcome != nil && !entry.wasDead || waiting.contains(entry.update.id) && entry.row == nil {
                counters.duplicates += 1
                drop(entry)
            } else {
                makeRunnable(entry.update.conversation)
            }
        }
        for id in chats where parked.isHeld(id) {
            parkTail(of: id, until: now, now: now)
        }
    }

    /// The database did not answer: ask again for the same.
    mutating func recallFailed(_ recall: Recall) {
        guard let tags = recalling?.tags, recalling?.id == recall.id else { return }
        recalling = nil
        unrecalled.insert(contentsOf: tags, at: 0)
    }

    /// The update already took effect: ack it, do nothing.
    private mutating func drop(_ entry: Entry) {
        let id = entry.update.conversation
        conversations[id]?.queue.removeAll { $0 == entry.tag }
        close(entry)
        makeRunnable(id)
        rest(id)
    }
}
