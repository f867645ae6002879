import DequeModule

/// The confirms of one channel: which publications are out, and what became of them. Confirms are numbered from 1 in
/// the order of publishing (https://www.rabbitmq.com/docs/confirms#publisher-confirms).
///
/// Batches are served in the order they came. A batch is over when each of its publications has an outcome.
struct ConfirmWindow {
    typealias BatchID = Int

    struct Settled: Equatable {
        let batch: BatchID
        let outcomes: [PublishOutcome]
        /// How many of them were sent, from the front.
        let sent: Int
    }

    private struct Batch {
        var outcomes: [PublishOutcome]
        var sent = 0
        var unsettled: Int
        var isOver = false
    }

    private struct Entry {
        let batch: BatchID
        let index: Int
        var isSettled = false
        var isReturned = false
    }

    let capacity: Int
    private var entries: Deque<Entry> = []
    private var oldest: UInt64 = 1
    private var batches: Deque<Batch> = []
    private var firstBatch: BatchID = 0
    private var sending: BatchID = 0

    init(capacity: Int) { self.capacity = max(1, capacity) }

    /// Publications that are out.
    var outstanding: Int { entries.count }
    var hasRoom: Bool { entries.count < capacity }
    /// The number the next publication gets.
    var nextSequence: UInt64 { oldest + UInt64(entries.count) }

    mutating func add(count: Int) -> BatchID {
        batches.append(Batch(outcomes: Array(repeating: .unsent, count: count), unsettled: count))
        return firstBatch + batches.count - 1
    }

    /// The publication whose turn it is, if there is room for it.
    mutating func next() -> (batch: BatchID, index: Int)? {
        guard hasRoom else { return nil }
        sending = max(sending, firstBatch)
        while sending < firstBatch + batches.count {
            let batch = batches[sending - firstBatch]
            if !batch.isOver && batch.sent < batch.outcomes.count { return (sending, batch.sent) }
            sending += 1
        }
        return nil
    }

    /// The publication that ``next()`` named is encoded.
    mutating func sent(_ id: BatchID, index: Int) {
        entries.append(Entry(batch: id, index: index))
        batches[id - firstBatch].sent += 1
        batches[id - firstBatch].outcomes[index] = .unknown
    }

    /// `basic.ack` or `basic.nack`. Numbers that are not out are ignored.
    mutating func settle(_ sequence: UInt64, multiple: Bool, as outcome: PublishOutcome) -> [Settled] {
        var settled: [Settled] = []
        let newest = oldest + UInt64(entries.count)
        // 0 with `multiple` means everything.
        let last = multiple && sequence == 0 ? newest - 1 : min(sequence, newest - 1)
        let first = multiple ? oldest : sequence
        guard first >= oldest, first <= last else { return [] }
        for position in Int(first - oldest)...Int(last - oldest) where !entries[position].isSettled {
            entries[position].isSettled = true
            let entry = entries[position]
            if entry.isReturned {
                // Its outcome stands: the broker acknowledges what it returned.
                finish(entry, nil, into: &settled)
            } else {
                finish(entry, outcome, into: &settled)
            }
        }
        while let head = entries.first, head.isSettled {
            entries.removeFirst()
            oldest += 1
        }
        dropOldBatches()
        return settled
    }

    /// `basic.return`. It carries no number, so it is recognised by what was published; among equal ones it does not
    /// matter which one it is. Its ack follows.
    mutating func returned(code: Int, text: String, where isSame: (BatchID, Int) -> Bool) {
        guard
            let position = entries.firstIndex(where: {
                !$0.isSettled && !$0.isReturned && isSame($0.batch, $0.index)
            })
        else { return }
        entries[position].isReturned = true
        let entry = entries[position]
        guard entry.batch >= firstBatch else { return }
        batches[entry.batch - firstBatch].outcomes[entry.index] = .returned(code: code, text: text)
    }

    /// The batch's deadline passed: it is over as it stands. Nil if it was over before.
    mutating func expire(_ id: BatchID) -> Settled? {
        guard id >= firstBatch, id < firstBatch + batches.count, !batches[id - firstBatch].isOver else { return nil }
        let settled = end(id)
        dropOldBatches()
        return settled
    }

    /// The channel is gone: all batches are over as they stand.
    mutating func fail() -> [Settled] {
        let open = (firstBatch..<firstBatch + batches.count).filter { !batches[$0 - firstBatch].isOver }
        let settled = open.map { end($0) }
        oldest += UInt64(entries.count)
        entries.removeAll()
        dropOldBatches()
        return settled
    }

    private mutating func finish(_ entry: Entry, _ outcome: PublishOutcome?, into settled: inout [Settled]) {
        // The batch may have expired long ago.
        guard entry.batch >= firstBatch else { return }
        let position = entry.batch - firstBatch
        if batches[position].isOver { return }
        if let outcome { batches[position].outcomes[entry.index] = outcome }
        batches[position].unsettled -= 1
        if batches[position].unsettled == 0 { settled.append(end(entry.batch)) }
    }

    private mutating func end(_ id: BatchID) -> Settled {
        let position = id - firstBatch
        batches[position].isOver = true
        let settled = Settled(batch: id, outcomes: batches[position].outcomes, sent: batches[position].sent)
        batches[position].outcomes = []
        return settled
    }

    private mutating func dropOldBatches() {
        while let head = batches.first, head.isOver {
            batches.removeFirst()
            firstBatch += 1
        }
    }
}
