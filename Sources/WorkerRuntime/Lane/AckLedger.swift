import DequeModule

/// Which deliveries of one channel may be acknowledged: everything below the lowest open tag at once, later ones
/// singly.
///
/// RabbitMQ numbers the deliveries of a channel 1, 2, 3, … (AMQP 0-9-1, delivery-tag), so a window of flags suffices.
struct AckLedger {
    private enum Slot { case open, done, acked }
    private var base: UInt64 = 1
    private var slots: Deque<Slot> = []
    private var singles: [UInt64] = []
    private var lowered = false

    /// The highest tag below which everything is settled has moved, or single tags wait.
    var isEmpty: Bool { !lowered && singles.isEmpty }
    /// Deliveries not yet settled.
    private(set) var open = 0

    /// `false`: the tag is not the next one, so acks of this channel could mean something else than they say.
    mutating func delivered(_ tag: UInt64) -> Bool {
        guard tag == base + UInt64(slots.count) else { return false }
        slots.append(.open)
        open += 1
        return true
    }

    mutating func settled(_ tag: UInt64) {
        guard tag >= base, case let index = Int(tag - base), index < slots.count, slots[index] == .open else { return }
        open -= 1
        slots[index] = .done
        if index == 0 {
            lowered = true
            while let first = slots.first, first != .open {
                slots.removeFirst()
                base += 1
            }
        } else {
            singles.append(tag)
        }
    }

    /// What to acknowledge now; `nil` for nothing. `upTo` covers every tag at or below it.
    mutating func take() -> (upTo: UInt64?, also: [UInt64])? {
        if isEmpty { return nil }
        defer {
            lowered = false
            singles.removeAll(keepingCapacity: true)
        }
        let also = singles.filter { $0 >= base }
        for tag in also { slots[Int(tag - base)] = .acked }
        return (lowered ? base - 1 : nil, also)
    }
}
