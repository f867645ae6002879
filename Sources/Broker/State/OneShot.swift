import Synchronization

/// A value somebody waits for; the first one counts.
final class OneShot<Value: Sendable>: Sendable {
    private enum State {
        case empty
        case waiting(CheckedContinuation<Value, Never>)
        case full(Value)
        case taken
    }
    private let state = Mutex<State>(.empty)

    /// Gives the value; false if there is one already.
    @discardableResult
    func resume(_ value: Value) -> Bool {
        let waiter: CheckedContinuation<Value, Never>?
        let first: Bool
        (waiter, first) = state.withLock { state in
            switch state {
            case .empty:
                state = .full(value)
                return (nil, true)
            case .waiting(let continuation):
                state = .taken
                return (continuation, true)
            case .full, .taken:
                return (nil, false)
            }
        }
        waiter?.resume(returning: value)
        return first
    }

    /// Waits for it. One reader, once.
    var value: Value {
        get async {
            await withCheckedContinuation { continuation in
                let ready: Value? = state.withLock { state in
                    guard case .full(let value) = state else {
                        state = .waiting(continuation)
                        return nil
                    }
                    state = .taken
                    return value
                }
                if let ready { continuation.resume(returning: ready) }
            }
        }
    }
}
