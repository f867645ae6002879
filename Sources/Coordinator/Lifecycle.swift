import ServiceLifecycle
import Synchronization

/// A service that runs until the group shuts down, and is then cancelled.
struct Loop: Service {
    let body: @Sendable () async -> Void
    init(_ body: @escaping @Sendable () async -> Void) { self.body = body }

    func run() async throws {
        await cancelWhenGracefulShutdown { await body() }
        // A loop without anything to do must not end the group.
        try await gracefulShutdown()
    }
}

/// A service that does nothing but its last act, also when the group is cancelled because shutting down took too long.
struct Stopping: Service {
    let body: @Sendable () async -> Void
    init(_ body: @escaping @Sendable () async -> Void) { self.body = body }

    func run() async throws {
        try? await gracefulShutdown()
        await body()
    }
}

/// Opens once; whoever waits goes on then, or when it is cancelled.
final class Latch: Sendable {
    private let stream: AsyncStream<Never>
    private let end: AsyncStream<Never>.Continuation

    init() { (stream, end) = AsyncStream.makeStream() }
    func open() { end.finish() }
    /// One waiter.
    func wait() async { for await _ in stream {} }
}

/// Somebody asked the coordinator to end, perhaps before there is anything to end.
final class EndRequest: Sendable {
    private struct State {
        var isRequested = false
        var handler: (@Sendable () -> Void)?
    }
    private let state = Mutex(State())

    func request() {
        let handler = state.withLock { state in
            state.isRequested = true
            return state.handler
        }
        handler?()
    }

    func onRequest(_ handler: @escaping @Sendable () -> Void) {
        let isRequested = state.withLock { state in
            state.handler = handler
            return state.isRequested
        }
        if isRequested { handler() }
    }
}
