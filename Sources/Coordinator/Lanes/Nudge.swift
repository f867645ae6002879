import Synchronization

/// Wakes a loop that looks now and then, because there is something to see. Nudges that come while nobody waits are one.
final class Nudge: Sendable {
    private struct State {
        var isGiven = false
        var waiter: CheckedContinuation<Void, Never>?
    }
    private let state = Mutex(State())

    func give() {
        let waiter = state.withLock { state in
            let waiter = state.waiter
            state.waiter = nil
            if waiter == nil { state.isGiven = true }
            return waiter
        }
        waiter?.resume()
    }

    /// Returns at a nudge, at the end of `limit`, or when the task is cancelled. One waiter at a time.
    func wait(atMost limit: Duration) async {
        let timer = Task {
            guard (try? await Task.sleep(for: limit)) != nil else { return }
            give()
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isGiven = state.withLock { state in
                    if !state.isGiven { state.waiter = continuation }
                    defer { state.isGiven = false }
                    return state.isGiven
                }
                if isGiven { continuation.resume() }
            }
        } onCancel: {
            give()
        }
        timer.cancel()
    }
}
