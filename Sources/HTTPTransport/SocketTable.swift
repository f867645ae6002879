import EventLoop

/// What libcurl wants to know of its sockets, and what the loop has been told.
///
/// libcurl drops its interest in a connection at the end of each transfer and takes it up again with the next. Applied
/// at once that is two system calls a transfer; collected until the end of a turn, a busy connection needs none. This
/// is safe for connections, whose opening and closing libcurl announces, so a descriptor's number cannot change its
/// meaning unnoticed. Descriptors of the resolver are not announced: for them each change is applied at once.
struct SocketTable {
    enum Change: Equatable {
        case watch(Int32, EventLoop.Interest)
        case unwatch(Int32)
    }

    private struct Entry {
        var isConnection = false
        var isChanged = false
        var wanted: EventLoop.Interest = []
        var applied: EventLoop.Interest = []
    }
    /// By descriptor: the kernel hands out the lowest free numbers.
    private var entries: [Entry] = []
    private var changed: [Int32] = []

    /// libcurl opened a connection's socket. A change comes back when an earlier owner of the number was never closed.
    mutating func opened(_ socket: Int32) -> Change? {
        grow(to: socket)
        let stale = entries[Int(socket)].applied.isEmpty ? nil : Change.unwatch(socket)
        let isChanged = entries[Int(socket)].isChanged
        entries[Int(socket)] = Entry(isConnection: true, isChanged: isChanged)
        return stale
    }

    /// libcurl is about to close it: the change must be applied before that.
    mutating func closing(_ socket: Int32) -> Change? {
        grow(to: socket)
        let watched = entries[Int(socket)].applied.isEmpty ? nil : Change.unwatch(socket)
        let isChanged = entries[Int(socket)].isChanged
        entries[Int(socket)] = Entry(isChanged: isChanged)
        return watched
    }

    /// - Returns: a change to apply at once; others wait for ``takeChanges(_:)``.
    mutating func want(_ interest: EventLoop.Interest, of socket: Int32) -> Change? {
        grow(to: socket)
        entries[Int(socket)].wanted = interest
        guard entries[Int(socket)].isConnection else { return apply(socket) }
        if !entries[Int(socket)].isChanged {
            entries[Int(socket)].isChanged = true
            changed.append(socket)
        }
        return nil
    }

    mutating func takeChanges(_ body: (Change) -> Void) {
        for socket in changed {
            entries[Int(socket)].isChanged = false
            if let change = apply(socket) { body(change) }
        }
        changed.removeAll(keepingCapacity: true)
    }

    private mutating func apply(_ socket: Int32) -> Change? {
        let entry = entries[Int(socket)]
        guard entry.wanted != entry.applied else { return nil }
        entries[Int(socket)].applied = entry.wanted
        return entry.wanted.isEmpty ? .unwatch(socket) : .watch(socket, entry.wanted)
    }

    private mutating func grow(to socket: Int32) {
        while entries.count <= Int(socket) { entries.append(Entry()) }
    }
}
