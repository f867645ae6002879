import DequeModule
import FleetModel
import Store

/// Parking: what cannot be handled now waits in the database and is acked, so that it holds neither prefetch nor the
/// order of acks, and outlives a restart.
///
/// A chat is parked when its head failed, its handler takes long, too many of its updates or replies wait. From then on
/// all that comes for it is written behind what waits there already (the chat is *held*), until nothing waits any more.
/// Every failure parks, the first one too: one way for all is simpler than a short retry in memory, and costs a failing
/// update two rows written. Where order is given up (`retry.keep_order` off) only the failed update waits, *alone*.
///
/// Parking is a settlement like any other: an update on its way to `waiting` stands in ``Lane/pending`` behind what its
/// chat has handled before, so nothing of a chat is ever committed out of order.
extension Lane {
    /// Rows of one line read at once, of as many lines as handlers may run.
    static let windowRows = 16
    /// Lines of a lane that may wait; with more, only what waits is worked off.
    static let parkedBound = 100_000
    /// Until a chat with too many unsent replies is looked at again.
    static let unsentPause: Duration = .seconds(1)

    /// Updates that wait in the database, or are about to.
    var parkedRows: Int { parked.rows }

    // MARK: In

    /// Parks a chat: what its handler works on goes on, and gets a row, so that it may be acked.
    mutating func hold(_ id: Int64, until moment: ContinuousClock.Instant, now: ContinuousClock.Instant) {
        guard let conversation = conversations[id], !parked.isHeld(id) else { return }
        if conversation.job != nil, let head = conversation.queue.first, let entry = entries[head], entry.row == nil {
            park(entry, until: moment, isRunning: true, now: now)
        }
        parkTail(of: id, until: moment, now: now)
    }

    /// Parks what stands behind the head that runs; all of it when none does. It ends at the first update that the inbox
    /// still has to be asked about.
    mutating func parkTail(of id: Int64, until moment: ContinuousClock.Instant, now: ContinuousClock.Instant) {
        guard let conversation = conversations[id] else { return }
        var kept: Deque<UInt64> = []
        var leaving: [Entry] = []
        for (index, tag) in conversation.queue.enumerated() {
            guard let entry = entries[tag] else { continue }
            let isRunning = index == 0 && conversation.job != nil
            if isRunning || entry.row != nil {
                kept.append(tag)
            } else if entry.doubtful {
                kept.append(contentsOf: conversation.queue[index...])
                break
            } else {
                leaving.append(entry)
            }
        }
        conversations[id]?.queue = kept
        for entry in leaving { park(entry, until: moment, now: now) }
    }

    /// Writes a delivered update behind what waits of its chat.
    private mutating func park(
        _ entry: Entry, until moment: ContinuousClock.Instant, reason: String = "", alone: Bool = false,
        isRunning: Bool = false, now: ContinuousClock.Instant
    ) {
        let id = entry.update.conversation
        lastSequence += 1
        var row = WaitingRow(
            conversation: id, seq: lastSequence, updateID: entry.update.id, body: entry.update.body,
            attempts: Int32(entry.attempts), reason: reason, delay: max(.zero, moment - now),
            age: entry.bornAt.map { now - $0.instant })
        if alone { row.flags.insert(.alone) }
        if entry.wasDead { row.flags.insert(.replay) }
        if entry.isSuspect { row.flags.insert(.suspect) }
        parked.add(
            WaitingLine(conversation: id, alone: alone ? row.seq : nil), notBefore: moment, isRunning: isRunning)
        if isRunning { entries[entry.tag]?.row = row.seq }
        append(Handled(tag: entry.tag, conversation: id, outcome: .waits(row, isRunning: isRunning)), now: now)
    }

    // MARK: Retry

    /// The head of a chat has failed and is tried again later. Its job has ended.
    mutating func retry(_ entry: Entry, reason: String, now: ContinuousClock.Instant) {
        let id = entry.update.conversation
        let moment = now + limits.pause(after: entry.attempts, using: &generator)
        conversations[id]?.queue.removeFirst()
        conversations[id]?.job = nil
        if let row = entry.row {
            waitOn(entry, row: row, until: moment, reason: reason, now: now)
        } else {
            park(entry, until: moment, reason: reason, alone: !limits.keepsOrder, now: now)
            if limits.keepsOrder { parkTail(of: id, until: moment, now: now) }
        }
        makeRunnable(id)
    }

    /// An update that has a row already waits on.
    private mutating func waitOn(
        _ entry: Entry, row seq: Int64, until moment: ContinuousClock.Instant, reason: String,
        now: ContinuousClock.Instant
    ) {
        let id = entry.update.conversation
        var row = WaitingRow(
            conversation: id, seq: seq, updateID: entry.update.id, body: [], attempts: Int32(entry.attempts),
            reason: reason, delay: moment - now)
        if entry.isSuspect { row.flags.insert(.suspect) }
        let line = entry.line(seq)
        if entry.isAlone || limits.keepsOrder {
            if entry.isAlone { row.flags.insert(.alone) } else { unloadWindow(of: id) }
            parked.postpone(line, until: moment)
            append(Handled(tag: entry.tag, conversation: id, outcome: .waitsOn(row, line)), now: now)
        } else {
            // Order was given up since it began to wait: it leaves the chat's line, with the commit, and waits alone.
            row.flags.insert(.alone)
            let alone = WaitingLine(conversation: id, alone: seq)
            parked.add(alone, notBefore: moment, isRunning: true)
            append(Handled(tag: entry.tag, conversation: id, outcome: .waitsOn(row, alone, from: line)), now: now)
        }
    }

    /// Drops what was read of a held chat and has not begun.
    private mutating func unloadWindow(of id: Int64) {
        guard var conversation = conversations[id] else { return }
        let line = WaitingLine(conversation: id)
        var kept: Deque<UInt64> = []
        for (index, tag) in conversation.queue.enumerated() {
            let isRunning = index == 0 && conversation.job != nil
            guard let entry = entries[tag], entry.row != nil, !entry.isAlone, !isRunning else {
                kept.append(tag)
                continue
            }
            close(entry)
            parked.unload(line)
        }
        conversation.queue = kept
        conversations[id] = conversation
    }

    // MARK: Chats that take too much room

    /// Parks chats whose handler takes long.
    mutating func parkSlow(now: ContinuousClock.Instant) {
        for (id, job) in jobs where !job.isSlow && now - job.startedAt.instant >= limits.parkAfter {
            jobs[id]?.isSlow = true
            hold(job.conversation, until: now, now: now)
        }
    }

    /// Parks chats with too many updates before their handler. Asked after every handler that may run was started; while
    /// the lane as a whole has to wait no chat is to blame.
    mutating func parkCrowded(now: ContinuousClock.Instant) {
        if crowded.isEmpty { return }
        guard isOwned, !isDraining, !mustPause else { return }
        for id in crowded where (conversations[id]?.queue.count ?? 0) > limits.parkOpen {
            hold(id, until: now, now: now)
        }
        crowded = crowded.filter { (conversations[$0]?.queue.count ?? 0) > limits.parkOpen && !parked.isHeld($0) }
    }

    /// Parks a chat that has too many replies to send, before its next handler starts.
    /// - Returns: whether it has.
    mutating func parkUnsent(_ id: Int64, now: ContinuousClock.Instant) -> Bool {
        guard sends.unsent >= limits.parkUnsent, sends.unsent(of: id) >= limits.parkUnsent else { return false }
        if parked.isHeld(id) {
            parked.postpone(WaitingLine(conversation: id), until: now + Self.unsentPause)
            unloadWindow(of: id)
        } else {
            hold(id, until: now + Self.unsentPause, now: now)
        }
        return true
    }

    // MARK: Out

    /// What a claim found waiting. Deliveries that came before it are asked about: they may wait there already.
    mutating func takeOver(_ heads: [WaitingHead], now: ContinuousClock.Instant) {
        parked.load(heads, longest: limits.retryLongest, now: now)
        counters.waiting = Int64(parked.rows)
        if parked.isEmpty { return }
        for (tag, entry) in entries where !entry.doubtful && parked.hasRows(of: entry.update.conversation) {
            entries[tag]?.doubtful = true
            unrecalled.append(tag)
        }
        unrecalled.sort()
    }

    /// Lines to read rows of, at most ``windowRows`` each; `nil` when none is due or there is no room.
    mutating func takeWaitingRead(now: ContinuousClock.Instant) -> WaitingRead? {
        guard isOwned, !isDraining, reading == nil, !mustPause else { return nil }
        let (sends, bound) = (sends, limits.parkUnsent)
        let lines = parked.takeDue(limit: limits.concurrency - parked.open, now: now, pause: Self.unsentPause) {
            sends.unsent(of: $0) >= bound
        }
        if lines.isEmpty { return nil }
        lastRead += 1
        reading = WaitingRead(id: lastRead, lines: lines)
        return reading
    }

    /// The rows of the lines asked for, in the order of `seq` within a line.
    mutating func waitingRead(_ read: WaitingRead, rows: [DueRow], now: ContinuousClock.Instant) {
        // An answer from before a reset says nothing about now.
        guard reading?.id == read.id else { return }
        reading = nil
        let byLine = Dictionary(grouping: rows) {
            WaitingLine(
                conversation: $0.row.conversation, alone: $0.row.flags.contains(.alone) ? $0.row.seq : nil)
        }
        for line in read.lines {
            let rows = byLine[line] ?? []
            parked.loaded(line, rows: rows.count)
            load(rows, of: line, now: now)
            makeRunnable(line.conversation)
        }
    }

    mutating func waitingReadFailed(_ read: WaitingRead, now: ContinuousClock.Instant) {
        guard reading?.id == read.id else { return }
        reading = nil
        for line in read.lines { parked.readFailed(line, until: now) }
    }

    /// Puts rows before all that was delivered of their chat, behind what runs.
    private mutating func load(_ rows: [DueRow], of line: WaitingLine, now: ContinuousClock.Instant) {
        let id = line.conversation
        if rows.isEmpty { return }
        var conversation = conversations.removeValue(forKey: id) ?? Conversation(session: cache.take(id))
        var place = conversation.job == nil ? 0 : 1
        for due in rows {
            switch admit(due, now: now) {
            case .entry(let entry, let twin):
                if let twin { conversation.queue.removeAll { $0 == twin } }
                conversation.queue.insert(entry.tag, at: min(place, conversation.queue.count))
                place += 1
                if conversation.session == nil { unrecalled.append(entry.tag) }
            case .ends(let handled):
                conversation.unsettled += 1
                pending.append(handled)
                if pendingSince == nil { pendingSince = now }
            }
        }
        conversations[id] = conversation
    }

    private enum Admission {
        /// `twin`: a delivery of the same update that was open; it is acked with the row's end.
        case entry(Entry, twin: UInt64?)
        case ends(Handled)
    }

    private mutating func admit(_ due: DueRow, now: ContinuousClock.Instant) -> Admission {
        let row = due.row
        let wasDead = due.outcome == .dead && row.flags.contains(.replay)
        lastRowTag += 1
        if due.outcome != nil && !wasDead {
            counters.duplicates += 1
            return .ends(Handled(tag: lastRowTag, conversation: row.conversation, outcome: .dropped(row)))
        }
        let update: UpdateEnvelope
        do throws(UpdateError) {
            update = try UpdateEnvelope(body: row.body)
        } catch {
            // It could be read when it was written: another release did.
            let reason = error.description
            return .ends(Handled(tag: lastRowTag, conversation: row.conversation, outcome: .unreadable(row, reason)))
        }
        var entry = Entry(tag: lastRowTag, update: update, doubtful: false)
        entry.isDelivered = false
        entry.row = row.seq
        entry.isAlone = row.flags.contains(.alone)
        entry.attempts = Int(row.attempts)
        entry.wasDead = wasDead
        entry.isSuspect = row.flags.contains(.suspect) || row.seq < suspectRowsBelow
        entry.bornAt = row.age.flatMap { Self.bornAt(age: $0, now: now) }
        let twin = open[update.id]
        if update.isPayment { openPayments += 1 }
        if let twin, let delivered = entries.removeValue(forKey: twin) {
            if update.isPayment { openPayments -= 1 }
            entry.twins = (delivered.isDelivered ? [twin] : []) + delivered.twins
        }
        open[update.id] = entry.tag
        entries[entry.tag] = entry
        return .entry(entry, twin: twin)
    }
}

extension Lane.Entry {
    /// Where it waits, if `row` is its place in the database.
    func line(_ row: Int64) -> WaitingLine {
        WaitingLine(conversation: update.conversation, alone: isAlone ? row : nil)
    }
}

/// Lines whose first rows are to be read.
struct WaitingRead: Sendable {
    let id: UInt64
    let lines: [WaitingLine]
}
