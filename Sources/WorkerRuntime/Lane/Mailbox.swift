import Synchronization

/// Where the tasks around a lane leave what happened, for the one task that owns it. Everything left is handed over at
/// once.
///
/// It is bounded by what can be under way: deliveries by the prefetch, handlers and sends by their concurrency, and one
/// claim, recall and settlement each.
final class Mailbox<Event: Sendable>: Sendable {
    private struct State {
        var events: [Event] = []
        var waiter: CheckedContinuation<Void, Never>?
        var isWoken = false
    }
    private let state = Mutex(State())

    func post(_ event: Event) {
        let waiter = state.withLock { state in
            state.events.append(event)
            return state.waiter.take()
        }
        waiter?.resume()
    }

    /// Nothing waits for ``next()``.
    var isEmpty: Bool { state.withLock { $0.events.isEmpty } }

    /// Makes ``next()`` return, with nothing if nothing is there.
    func wake() {
        let waiter = state.withLock { state in
            state.isWoken = true
            return state.waiter.take()
        }
        waiter?.resume()
    }

    /// Waits for events or a ``wake()``. One caller at a time.
    func next() async -> [Event] {
        await withCheckedContinuation { continuation in
            let isReady = state.withLock { state in
                if !state.events.isEmpty || state.isWoken { return true }
                state.waiter = continuation
                return false
            }
            if isReady { continuation.resume() }
        }
        return state.withLock { state in
            state.isWoken = false
            defer { state.events.removeAll(keepingCapacity: true) }
            return state.events
        }
    }
}
