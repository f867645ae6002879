/// The loop's timers, kept sorted with the next one last. A loop has few, so insertion into an array beats a heap.
struct TimerQueue {
    private struct Entry {
        let id: UInt64
        let deadline: ContinuousClock.Instant
        let body: () -> Void
    }
    private var entries: [Entry] = []
    private var lastID: UInt64 = 0

    var next: ContinuousClock.Instant? { entries.last?.deadline }

    mutating func add(at deadline: ContinuousClock.Instant, _ body: @escaping () -> Void) -> EventLoop.Timer {
        lastID += 1
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            // Equal deadlines fire in the order they were added, so the newcomer goes before (fires after) its equals.
            if entries[middle].deadline > deadline { low = middle + 1 } else { high = middle }
        }
        entries.insert(Entry(id: lastID, deadline: deadline, body: body), at: low)
        return EventLoop.Timer(id: lastID)
    }

    mutating func remove(_ timer: EventLoop.Timer) {
        if let index = entries.lastIndex(where: { $0.id == timer.id }) { entries.remove(at: index) }
    }

    /// Removes and returns the earliest body that is due. One at a time: a body may cancel the next.
    mutating func popDue(now: ContinuousClock.Instant) -> (() -> Void)? {
        guard let last = entries.last, last.deadline <= now else { return nil }
        entries.removeLast()
        return last.body
    }
}
