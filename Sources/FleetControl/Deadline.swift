package import Broker

/// Runs `body`, which must end soon after it is cancelled, for at most `limit`.
/// - Throws: `.timeout` with `what` when the limit passed, or the body's error.
package func withDeadline<Value: Sendable>(
    _ limit: Duration,
    _ what: String,
    _ body: @escaping @Sendable () async throws(BrokerError) -> Value
) async throws(BrokerError) -> Value {
    let result = await withTaskGroup(of: Result<Value, BrokerError>?.self) { group in
        group.addTask {
            do throws(BrokerError) {
                return .success(try await body())
            } catch {
                return .failure(error)
            }
        }
        group.addTask {
            try? await Task.sleep(for: limit)
            return nil
        }
        let first = await group.next() ?? nil
        group.cancelAll()
        return first
    }
    guard let result else { throw BrokerError(.timeout, what) }
    return try result.get()
}
