import DequeModule
import EventLoop
import Logging

/// What `NOTIFY` sent.
public struct Notification: Sendable, Equatable {
    public let channel: String
    public let payload: String
}

/// A connection of its own that listens. Notifications are hints: what was sent while it was not connected is lost, so
/// reread what they are about after ``Database/listen(_:)`` returns and after ``next()`` throws.
public actor Notifications {
    public nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
    private nonisolated let loop: EventLoop
    private let connection: PostgresConnection
    private var buffer: Deque<Notification> = []
    private var failure: StoreError?
    private var waiter: CheckedContinuation<Result<Notification, StoreError>, Never>?

    /// Beyond this many the oldest are dropped.
    static let bound = 1024

    init(_ configuration: StoreConfiguration, loop: EventLoop) {
        self.loop = loop
        connection = PostgresConnection(configuration, loop: loop)
    }

    func start(_ channels: [String]) async throws(StoreError) {
        let connected = await withCheckedContinuation { continuation in
            connection.connect { continuation.resume(returning: $0) }
        }
        _ = try connected.get()
        connection.onNotification = { [weak self] channel, payload in
            self?.assumeIsolated { $0.received(Notification(channel: channel, payload: payload)) }
        }
        connection.onLost = { [weak self] error in
            self?.assumeIsolated { $0.end(StoreError(error.code, error.message)) }
        }
        let statements = channels.map {
            Statement(
                "",
                "LISTEN \"" + $0.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"")
                    + "\"")
        }
        let listening = await withCheckedContinuation { continuation in
            connection.pipeline(statements, timeout: .seconds(10)) { continuation.resume(returning: $0) }
        }
        do {
            _ = try listening.get()
        } catch {
            connection.close()
            throw error
        }
    }

    /// Waits for the next. One caller at a time; cancelling the task ends the wait.
    /// - Throws: `.unreachable` when the connection was lost: listen again.
    public func next() async throws(StoreError) -> Notification {
        if let first = buffer.popFirst() { return first }
        if let failure { throw failure }
        guard waiter == nil else { throw StoreError(.conflict, "somebody waits for notifications already") }
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { waiter = $0 }
        } onCancel: {
            Task { await self.cancelled() }
        }
        return try result.get()
    }

    /// Closes the connection; `next` then throws. Idempotent.
    public func close() {
        end(StoreError(.shutDown, "listening was ended"))
        connection.close()
    }

    // Not in `close`: a call that came after it would wait for a thread that is gone.
    deinit { loop.shutdown() }

    private func received(_ notification: Notification) {
        if let waiter {
            self.waiter = nil
            return waiter.resume(returning: .success(notification))
        }
        if buffer.count == Self.bound { buffer.removeFirst() }
        buffer.append(notification)
    }

    private func end(_ error: StoreError) {
        if failure == nil { failure = error }
        waiter?.resume(returning: .failure(error))
        waiter = nil
    }

    private func cancelled() {
        waiter?.resume(returning: .failure(StoreError(.cancelled, "cancelled while waiting for notifications")))
        waiter = nil
    }
}
