/// Requests that wait for a free transfer: first in, first out, bounded, each with its deadline.
struct WaitingLine<Element> {
    private struct Entry {
        let element: Element
        let expires: ContinuousClock.Instant
    }
    private var entries: [Entry] = []
    private var head = 0
    private let bound: Int
    /// No entry expires before this; it may be too early, never too late.
    private(set) var nextExpiry: ContinuousClock.Instant?

    init(bound: Int) { self.bound = bound }

    var count: Int { entries.count - head }

    /// - Returns: false when the line is full.
    mutating func append(_ element: Element, expires: ContinuousClock.Instant) -> Bool {
        guard count < bound else { return false }
        entries.append(Entry(element: element, expires: expires))
        nextExpiry = nextExpiry.map { min($0, expires) } ?? expires
        return true
    }

    mutating func popFirst() -> Element? {
        guard head < entries.count else { return nil }
        let element = entries[head].element
        head += 1
        if head == entries.count {
            entries.removeAll(keepingCapacity: true)
            head = 0
            nextExpiry = nil
        } else if head > 1024, head > entries.count / 2 {
            entries.removeFirst(head)
            head = 0
        }
        return element
    }

    mutating func removeExpired(now: ContinuousClock.Instant) -> [Element] {
        guard let nextExpiry, nextExpiry <= now else { return [] }
        return remove { $0.expires <= now }
    }

    mutating func removeAll(where isMeant: (Element) -> Bool) -> [Element] {
        remove { isMeant($0.element) }
    }

    private mutating func remove(_ isMeant: (Entry) -> Bool) -> [Element] {
        var removed: [Element] = []
        var kept: [Entry] = []
        for entry in entries[head...] {
            if isMeant(entry) { removed.append(entry.element) } else { kept.append(entry) }
        }
        entries = kept
        head = 0
        nextExpiry = kept.map(\.expires).min()
        return removed
    }
}
