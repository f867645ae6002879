import HeapModule
import Store

/// The lines that wait in the database, as their lane's owner knows them: how many rows each has, and when its first may
/// be tried. The rows themselves are read a few at a time.
struct ParkedLines {
    private struct State {
        /// Rows that are committed, those in memory included.
        var committed = 0
        /// Rows of settlements not yet committed.
        var coming = 0
        /// Rows in memory; the line is not read again before there are none.
        var loaded = 0
        /// The first row may not be tried before.
        var notBefore: ContinuousClock.Instant
        /// The moment it stands in `due` for.
        var queuedFor: ContinuousClock.Instant?
        var isBeingRead = false
    }

    private struct Due: Comparable {
        let at: ContinuousClock.Instant
        let line: WaitingLine
        static func < (left: Due, right: Due) -> Bool { left.at < right.at }
        static func == (left: Due, right: Due) -> Bool { left.at == right.at }
    }

    private var states: [WaitingLine: State] = [:]
    private var due = Heap<Due>()
    /// Chats with updates that wait alone, and how many.
    private var alone: [Int64: Int] = [:]
    /// Rows of all lines, committed or about to be.
    private(set) var rows = 0
    /// Lines with rows in memory.
    private(set) var open = 0

    var isEmpty: Bool { states.isEmpty }
    var count: Int { states.count }

    /// Whether the chat's updates wait in the database, one behind another.
    func isHeld(_ conversation: Int64) -> Bool {
        !states.isEmpty && states[WaitingLine(conversation: conversation)] != nil
    }

    /// Whether any update of the chat waits in the database.
    func hasRows(of conversation: Int64) -> Bool { isHeld(conversation) || alone[conversation] != nil }

    /// The next moment at which a line may be read.
    var nextDue: ContinuousClock.Instant? { due.min?.at }

    // MARK: What happens to rows

    /// What a claim found.
    mutating func load(_ heads: [WaitingHead], longest: Duration, now: ContinuousClock.Instant) {
        self = ParkedLines()
        for head in heads {
            // No pause is longer than the setting, whatever the server's clock did meanwhile.
            let state = State(notBefore: now + min(max(head.delay, .zero), longest))
            change(head.line, or: state) { $0.committed = head.count }
        }
    }

    /// A row goes into the next settlement.
    /// - Parameter isRunning: its update stays in memory, because its handler runs.
    mutating func add(_ line: WaitingLine, notBefore: ContinuousClock.Instant, isRunning: Bool) {
        change(line, or: State(notBefore: notBefore)) {
            $0.coming += 1
            if isRunning { $0.loaded += 1 }
        }
    }

    /// That settlement was committed.
    mutating func added(_ line: WaitingLine) {
        change(line) {
            $0.coming -= 1
            $0.committed += 1
        }
    }

    /// Rows were read into memory.
    mutating func loaded(_ line: WaitingLine, rows: Int) {
        change(line) {
            $0.isBeingRead = false
            $0.loaded += rows
            // Somebody has deleted them by hand.
            if rows == 0 { $0.committed = 0 }
        }
    }

    /// The reading failed.
    mutating func readFailed(_ line: WaitingLine, until: ContinuousClock.Instant) {
        change(line) {
            $0.isBeingRead = false
            $0.notBefore = until
        }
    }

    /// A row in memory waits on: it is dropped from memory, and read again when due.
    mutating func unload(_ line: WaitingLine, rows: Int = 1) { change(line) { $0.loaded -= rows } }

    /// The first row is not tried before.
    mutating func postpone(_ line: WaitingLine, until: ContinuousClock.Instant) {
        change(line) { $0.notBefore = until }
    }

    /// A row in memory was deleted: its update took effect, or was given up.
    mutating func ended(_ line: WaitingLine) {
        change(line) {
            $0.loaded -= 1
            $0.committed -= 1
        }
    }

    // MARK: Due lines

    /// Lines to read now, at most `limit`. Those of which `isBarred` is true are looked at again after `pause`.
    mutating func takeDue(
        limit: Int, now: ContinuousClock.Instant, pause: Duration, isBarred: (Int64) -> Bool
    ) -> [WaitingLine] {
        var lines: [WaitingLine] = []
        while lines.count < limit, let first = due.min, first.at <= now {
            due.removeMin()
            // Of a line that has ended since, or was begun anew.
            guard states[first.line]?.queuedFor == first.at else { continue }
            let isBarred = isBarred(first.line.conversation)
            change(first.line) {
                $0.queuedFor = nil
                if isBarred { $0.notBefore = now + pause } else { $0.isBeingRead = true }
            }
            if !isBarred { lines.append(first.line) }
        }
        return lines
    }

    /// Changes a line's state, and what follows from it: whether it ends, and whether it stands in `due`.
    private mutating func change(_ line: WaitingLine, or new: State? = nil, _ body: (inout State) -> Void) {
        guard var state = states[line] ?? new else { return }
        if states[line] == nil, line.alone != nil { alone[line.conversation, default: 0] += 1 }
        rows -= state.committed + state.coming
        open -= state.loaded > 0 ? 1 : 0
        body(&state)
        rows += state.committed + state.coming
        open += state.loaded > 0 ? 1 : 0
        if state.committed + state.coming + state.loaded == 0, !state.isBeingRead {
            states[line] = nil
            guard line.alone != nil, let count = alone[line.conversation] else { return }
            alone[line.conversation] = count > 1 ? count - 1 : nil
            return
        }
        if state.loaded == 0, state.committed > 0, !state.isBeingRead, state.queuedFor == nil {
            state.queuedFor = state.notBefore
            due.insert(Due(at: state.notBefore, line: line))
        }
        states[line] = state
    }
}
