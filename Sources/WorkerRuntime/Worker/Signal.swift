import Synchronization

/// Something that happens once and may be waited for. A wait also ends when its task is cancelled.
final class Signal: Sendable {
    private struct State {
        var isRaised = false
        var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
        var lastID = 0
        var cancelled: Set<Int> = []
    }
    private let state = Mutex(State())

    var isRaised: Bool { state.withLock { $0.isRaised } }

    func raise() {
        let waiters = state.withLock { state in
            state.isRaised = true
            defer { state.waiters = [:] }
            return state.waiters.values.map { $0 }
        }
        for waiter in waiters { waiter.resume() }
    }

    func wait() async {
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    if state.isRaised || state.cancelled.remove(id) != nil { return true }
                    state.waiters[id] = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                guard let waiter = state.waiters.removeValue(forKey: id) else {
                    if !state.isRaised { state.cancelled.insert(id) }
                    return CheckedContinuation<Void, Never>?.none
                }
                return waiter
            }
            waiter?.resume()
        }
    }
}

/// Waits for `body` until `deadline` has passed; then it is cancelled, and not waited for any longer.
func withDeadline(_ deadline: Duration, _ body: @escaping @Sendable () async -> Void) async {
    let isOver = Signal()
    let work = Task {
        await body()
        isOver.raise()
    }
    let timer = Task {
        try? await Task.sleep(for: deadline)
        isOver.raise()
    }
    await isOver.wait()
    work.cancel()
    timer.cancel()
}
