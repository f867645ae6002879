import Synchronization

/// What any thread may ask about a connection.
final class SharedStatus: Sendable {
    private struct State {
        var isOpen = true
        var isBlocked = false
        var isFreed = false
        /// Set when the connection ends: `.some(nil)` after our own close.
        var end: BrokerError??
        var endWaiters: [OneShot<BrokerError?>] = []
        var freedWaiters: [OneShot<Void>] = []
        var serverVersion = ""
    }
    private let state = Mutex(State())

    var isOpen: Bool { state.withLock { $0.isOpen } }
    var isBlocked: Bool { state.withLock { $0.isBlocked && $0.isOpen } }
    var serverVersion: String { state.withLock { $0.serverVersion } }
    /// Why nothing works any more; nil while it does.
    var failure: BrokerError? {
        state.withLock { state in
            guard case .some(let end) = state.end else { return state.isOpen ? nil : .closedByUs }
            return end ?? .closedByUs
        }
    }

    func setServerVersion(_ version: String) { state.withLock { $0.serverVersion = version } }
    func setBlocked(_ blocked: Bool) { state.withLock { $0.isBlocked = blocked } }
    func setClosing() { state.withLock { $0.isOpen = false } }

    /// The connection is over. `error` is nil after our own close.
    func end(_ error: BrokerError?) {
        let waiters = state.withLock { state in
            state.isOpen = false
            if state.end == nil { state.end = .some(error) }
            defer { state.endWaiters = [] }
            return state.endWaiters
        }
        for waiter in waiters { waiter.resume(error) }
    }

    /// The descriptor is closed and the C handle is gone.
    func freed() {
        let waiters = state.withLock { state in
            state.isFreed = true
            defer { state.freedWaiters = [] }
            return state.freedWaiters
        }
        for waiter in waiters { waiter.resume(()) }
    }

    func waitUntilClosed() async -> BrokerError? {
        let waiter = OneShot<BrokerError?>()
        state.withLock { state in
            if case .some(let end) = state.end { waiter.resume(end) } else { state.endWaiters.append(waiter) }
        }
        return await withTaskCancellationHandler {
            await waiter.value
        } onCancel: {
            state.withLock { $0.endWaiters.removeAll { $0 === waiter } }
            waiter.resume(.cancelled)
        }
    }

    /// Not cut short by cancellation: the connection's own deadline bounds it.
    func waitUntilFreed() async {
        let waiter = OneShot<Void>()
        state.withLock { state in
            if state.isFreed { waiter.resume(()) } else { state.freedWaiters.append(waiter) }
        }
        await waiter.value
    }
}
