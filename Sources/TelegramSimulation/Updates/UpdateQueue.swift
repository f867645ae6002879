import DequeModule

/// The updates of one bot that no client has confirmed, oldest first; ids ascend without gaps.
///
/// Bot API, "getUpdates": an update is confirmed by an offset higher than its id; a negative offset counts from the
/// end and forgets what lies before; nothing is kept longer than 24 hours.
struct UpdateQueue: Sendable {
    /// Microseconds for which an update is kept. Bot API, "Getting updates".
    static let retention: Int64 = 24 * 3600 * 1_000_000

    /// At most this many wait; then further ones are refused.
    let capacity: Int
    private(set) var nextID: Int64
    private var waiting: Deque<PendingUpdate> = []

    init(firstID: Int64, capacity: Int) {
        nextID = firstID
        self.capacity = capacity
    }

    var count: Int { waiting.count }
    var isEmpty: Bool { waiting.isEmpty }
    var room: Int { capacity - waiting.count }

    subscript(_ index: Int) -> PendingUpdate { waiting[index] }

    /// The caller has checked `room`.
    mutating func append(body: [UInt8], sequence: Int64, now: Int64) {
        waiting.append(PendingUpdate(id: nextID, body: body, sequence: sequence, createdAt: now))
        nextID += 1
    }

    /// Uses up an id for an update that nobody asked for.
    mutating func skipID() { nextID += 1 }

    /// Drops what is confirmed by `offset` and returns it.
    mutating func confirm(offset: Int64) -> [PendingUpdate] {
        if offset == 0 { return [] }
        let keep: Int
        if offset < 0 {
            keep = Int(clamping: offset.magnitude)
        } else {
            var confirmed = 0
            while confirmed < waiting.count, waiting[confirmed].id < offset { confirmed += 1 }
            keep = waiting.count - confirmed
        }
        return dropOldest(max(0, waiting.count - keep))
    }

    /// Drops what is older than 24 hours and returns it.
    mutating func expire(now: Int64) -> [PendingUpdate] {
        var old = 0
        while old < waiting.count, waiting[old].createdAt < now - Self.retention { old += 1 }
        return dropOldest(old)
    }

    mutating func removeAll() -> [PendingUpdate] { dropOldest(waiting.count) }

    /// Takes out one update among the first `limit`; a webhook confirms them in any order.
    mutating func remove(id: Int64, among limit: Int) -> PendingUpdate? {
        for index in 0..<min(limit, waiting.count) where waiting[index].id == id { return waiting.remove(at: index) }
        return nil
    }

    private mutating func dropOldest(_ count: Int) -> [PendingUpdate] {
        if count == 0 { return [] }
        let dropped = Array(waiting.prefix(count))
        waiting.removeFirst(count)
        return dropped
    }
}
