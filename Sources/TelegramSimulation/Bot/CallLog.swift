import DequeModule

/// What happened to one bot, in order: updates in, calls out. Sequence numbers ascend by one and never repeat; beyond
/// the capacity the oldest entries go, by the thousand, and are counted.
///
/// Entries live in chunks, so that growth never moves them and a reader takes a snapshot by retaining some chunks.
struct CallLog: Sendable {
    static let chunkSize = 4096

    let capacity: Int
    private var chunks: Deque<[LogEntry]> = []
    /// Sequence number of the first entry kept.
    private(set) var first: Int64 = 1
    /// Entries dropped for want of room.
    private(set) var dropped: Int64 = 0

    init(capacity: Int) { self.capacity = max(capacity, Self.chunkSize) }

    /// The number the next entry gets.
    private(set) var next: Int64 = 1

    var count: Int { Int(next - first) }

    /// Returns the entry's sequence number.
    @discardableResult
    mutating func append(_ entry: LogEntry) -> Int64 {
        if chunks.isEmpty || chunks[chunks.count - 1].count == Self.chunkSize {
            if count >= capacity { dropChunk() }
            var chunk: [LogEntry] = []
            chunk.reserveCapacity(Self.chunkSize)
            chunks.append(chunk)
        }
        chunks[chunks.count - 1].append(entry)
        defer { next += 1 }
        return next
    }

    private mutating func dropChunk() {
        guard let oldest = chunks.popFirst() else { return }
        first += Int64(oldest.count)
        dropped += Int64(oldest.count)
    }

    /// `nil` for a number that was dropped or not given yet.
    subscript(_ sequence: Int64) -> LogEntry? {
        guard sequence >= first, sequence < next else { return nil }
        let index = Int(sequence - first)
        return chunks[index / Self.chunkSize][index % Self.chunkSize]
    }

    /// Changes an entry that is still there.
    mutating func update(_ sequence: Int64, _ change: (inout LogEntry) -> Void) {
        guard sequence >= first, sequence < next else { return }
        let index = Int(sequence - first)
        change(&chunks[index / Self.chunkSize][index % Self.chunkSize])
    }

    /// The entries after `sequence`, cheap to take under a lock and free to read outside it.
    func snapshot(after sequence: Int64) -> Snapshot {
        let start = min(max(sequence + 1, first), next)
        let index = Int(start - first)
        return Snapshot(
            chunks: Array(chunks.dropFirst(index / Self.chunkSize)),
            skip: index % Self.chunkSize,
            start: start,
            last: next - 1,
            dropped: dropped
        )
    }

    struct Snapshot: Sendable {
        fileprivate let chunks: [[LogEntry]]
        fileprivate let skip: Int
        fileprivate let start: Int64
        let last: Int64
        let dropped: Int64

        /// Calls `visit` with each entry until it returns false.
        func forEach(_ visit: (Int64, borrowing LogEntry) -> Bool) {
            var sequence = start
            var skip = skip
            for chunk in chunks {
                for index in skip..<max(skip, chunk.count) {
                    if !visit(sequence, chunk[index]) { return }
                    sequence += 1
                }
                skip = 0
            }
        }
    }
}
