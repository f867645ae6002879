import Synchronization

/// Lets a handler that never waited give its result to the code that started it, on the same thread.
final class Handoff: Sendable {
    private enum State {
        case running
        case finished(HandlerResult)
        case detached
    }
    private let state = Mutex(State.running)

    /// Called by the handler. `false`: nobody looks here any more, post the result instead.
    func finish(_ result: HandlerResult) -> Bool {
        state.withLock { state in
            guard case .running = state else { return false }
            state = .finished(result)
            return true
        }
    }

    /// Called by the starter, once: the result if it is there already.
    func detach() -> HandlerResult? {
        state.withLock { state in
            guard case .finished(let result) = state else {
                state = .detached
                return nil
            }
            return result
        }
    }
}
