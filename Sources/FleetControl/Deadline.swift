package import Broker
import Synchronization

/// Runs `body` for at most `limit`. At the deadline it is cancelled and no longer waited for, so it must be something
/// that ends by itself, as every call to the broker does.
/// - Throws: `.timeout` with `what` when the limit passed, or the body's error.
package func withDeadline<Value: Sendable>(
    _ limit: Duration,
    _ what: String,
    _ body: @escaping @Sendable () async throws(BrokerError) -> Value
) async throws(BrokerError) -> Value {
    let race = Race<Result<Value, BrokerError>>()
    let work = Task {
        do throws(BrokerError) {
            race.finish(.success(try await body()))
        } catch {
            race.finish(.failure(error))
        }
    }
    let timer = Task {
        try? await Task.sleep(for: limit)
        race.finish(.failure(BrokerError(.timeout, what)))
    }
    let result = await withTaskCancellationHandler {
        await race.value
    } onCancel: {
        race.finish(.failure(BrokerError(.cancelled, "the waiting task was cancelled")))
    }
    work.cancel()
    timer.cancel()
    return try result.get()
}

/// The first of several results; one caller waits for it.
private final class Race<Value: Sendable>: Sendable {
    private enum State {
        case open
        case waiting(CheckedContinuation<Value, Never>)
        case finished(Value)
    }

    private let state = Mutex<State>(.open)

    func finish(_ value: Value) {
        let waiter: CheckedContinuation<Value, Never>? = state.withLock { state in
            switch state {
            case .open:
                state = .finished(value)
                return nil
            case .waiting(let waiter):
                state = .finished(value)
                return waiter
            case .finished: return nil
            }
        }
        waiter?.resume(returning: value)
    }

    var value: Value {
        get async {
            await withCheckedContinuation { continuation in
                let finished: Value? = state.withLock { state in
                    if case .finished(let value) = state { return value }
                    state = .waiting(continuation)
                    return nil
                }
                if let finished { continuation.resume(returning: finished) }
            }
        }
    }
}
