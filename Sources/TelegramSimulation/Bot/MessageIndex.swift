import DequeModule

/// From a message id to the log entry with its newest content. Message ids of one bot ascend over all its chats, as
/// they do for Telegram's private chats; beyond the capacity the oldest are forgotten.
struct MessageIndex: Sendable {
    let capacity: Int
    private var sequences: Deque<Int64> = []
    private var first: Int64 = 1

    init(capacity: Int) { self.capacity = capacity }

    private(set) var next: Int64 = 1

    /// Gives the next message its id.
    mutating func add(sequence: Int64) -> Int64 {
        if sequences.count >= capacity {
            sequences.removeFirst()
            first += 1
        }
        sequences.append(sequence)
        defer { next += 1 }
        return next
    }

    /// 0 for a deleted message; `nil` for one never known or forgotten.
    subscript(_ message: Int64) -> Int64? {
        get {
            guard message >= first, message < next else { return nil }
            return sequences[Int(message - first)]
        }
        set {
            guard let newValue, message >= first, message < next else { return }
            sequences[Int(message - first)] = newValue
        }
    }

    mutating func forgetAll() {
        sequences.removeAll()
        first = next
    }
}

/// Callback queries that wait for an answer; the oldest are forgotten beyond the capacity.
struct OpenQueries: Sendable {
    static let capacity = 100_000
    private var order: Deque<String> = []
    private var open: Set<String> = []

    mutating func add(_ id: String) {
        guard open.insert(id).inserted else { return }
        order.append(id)
        if order.count > Self.capacity, let oldest = order.popFirst() { open.remove(oldest) }
    }

    /// Whether it was open.
    mutating func close(_ id: String) -> Bool { open.remove(id) != nil }
}
