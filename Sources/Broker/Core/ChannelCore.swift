import CRabbitMQ
import DequeModule
import EventLoop
import Synchronization

/// A channel's own state. Everything here runs on the connection's loop, except what says otherwise.
final class ChannelCore: @unchecked Sendable {
    // @unchecked: `status` is synchronised, `id` and `connection` constant; everything else is touched on the loop alone.

    enum Phase: Equatable {
        case open
        /// We sent `channel.close`; until the answer comes, everything else on this channel is dropped.
        case closing
        case closed
    }

    /// What the broker answered.
    enum Reply: Sendable {
        case ok
        case queue(QueueStatus)
        case count(Int)
        case message(Delivery?)
    }

    typealias Done<Value> = @Sendable (Result<Value, BrokerError>) -> Void

    private struct Call {
        let expected: UInt32
        let done: Done<Reply>
        let timer: EventLoop.Timer
    }

    struct Consumer {
        let queue: DeliveryQueue
        var staged: [Delivery] = []
        var isCancelled = false
    }

    let id: UInt16
    /// A cycle, until the channel ends and leaves the connection's table.
    let connection: ConnectionCore
    private let status = Mutex<BrokerError?>(nil)

    var phase = Phase.open
    private var calls: Deque<Call> = []
    private var closeTimer: EventLoop.Timer?
    private var closeWaiters: [@Sendable () -> Void] = []
    /// A consumer's tag is its position here, so it never moves.
    var consumers: [Consumer] = []
    var assembler = MessageAssembler()
    var publisher: PublisherCore?
    private var acks = AckPlanner()

    init(id: UInt16, connection: ConnectionCore) {
        self.id = id
        self.connection = connection
    }

    // MARK: From any thread

    /// Why the channel does not work any more.
    var failure: BrokerError? { status.withLock { $0 } }

    /// Adds acks to the burst that leaves next.
    func ack(_ tags: AckSet) throws(BrokerError) {
        try write { channel, core in core.writer.acks(channel.acks.plan(tags), channel: channel.id) }
    }

    func reject(_ tag: UInt64, requeue: Bool) throws(BrokerError) {
        try write { channel, core in
            if channel.acks.settle(tag) { core.writer.reject(tag, requeue: requeue, channel: channel.id) }
        }
    }

    private func write(_ body: @escaping @Sendable (ChannelCore, ConnectionCore) -> Void) throws(BrokerError) {
        if let failure { throw failure }
        let accepted = connection.submit { [self] core in
            if phase == .open { body(self, core) }
        }
        if !accepted { throw failure ?? connection.shared.failure ?? .closedByUs }
    }

    /// Sends a method and waits for its answer.
    func call(
        _ method: UInt32,
        expecting reply: UInt32,
        _ arguments: @escaping @Sendable (inout FrameWriter) -> Void
    ) async throws(BrokerError) -> Reply {
        try await connection.request { [self] _, done in
            start(method, expecting: reply, arguments, done)
        }
    }

    func close() async {
        await withCheckedContinuation { continuation in
            let accepted = connection.submit { [self] _ in startClosing(.channelClosedByUs) { continuation.resume() } }
            if !accepted { continuation.resume() }
        }
    }

    func abandon() {
        if failure == nil { connection.submit { [self] _ in startClosing(.channelClosedByUs) {} } }
    }

    // MARK: Calls, on the loop

    func start(
        _ method: UInt32,
        expecting reply: UInt32,
        _ arguments: (inout FrameWriter) -> Void,
        _ done: @escaping Done<Reply>
    ) {
        guard phase == .open, connection.phase == .open else {
            done(.failure(failure ?? connection.shared.failure ?? .closedByUs))
            return
        }
        connection.writer.method(method, channel: id, arguments)
        let timer = connection.loop.schedule(after: connection.configuration.rpcTimeout) { [self] in timedOut() }
        calls.append(Call(expected: reply, done: done, timer: timer))
    }

    private func timedOut() {
        let limit = connection.configuration.rpcTimeout
        let text = "RabbitMQ at \(connection.configuration.place) did not answer within \(limit); the channel is closed"
        startClosing(BrokerError(.timeout, text)) {}
        connection.flush()
    }

    /// True if the oldest call waited for this.
    func answer(_ method: UInt32, _ reply: Reply) -> Bool {
        guard let call = calls.first, call.expected == method else { return false }
        calls.removeFirst()
        connection.loop.cancel(call.timer)
        call.done(.success(reply))
        return true
    }

    /// `get-empty` answers the call that waits for `get-ok`.
    var awaitsGet: Bool { calls.first?.expected == Method.basicGetOk }

    // MARK: The end, on the loop

    /// Says goodbye; `error` is what everybody on this channel hears from now on.
    func startClosing(_ error: BrokerError, _ closed: @escaping @Sendable () -> Void) {
        switch phase {
        case .closed: closed()
        case .closing: closeWaiters.append(closed)
        case .open:
            closeWaiters.append(closed)
            phase = .closing
            connection.writer.close(Method.channelClose, channel: id, code: 200, text: "bye")
            // Without an answer the number stays taken, and nobody waits any longer.
            closeTimer = connection.loop.schedule(after: connection.configuration.rpcTimeout) { [self] in
                releaseCloseWaiters()
            }
            fail(error)
        }
    }

    /// The broker's `close-ok`, its own `close`, or the end of the connection.
    func end(_ error: BrokerError) {
        phase = .closed
        if let closeTimer { connection.loop.cancel(closeTimer) }
        connection.channels[id] = nil
        fail(error)
        releaseCloseWaiters()
    }

    private func releaseCloseWaiters() {
        let waiters = closeWaiters
        closeWaiters = []
        for waiter in waiters { waiter() }
    }

    private func fail(_ error: BrokerError) {
        let error = status.withLock { status in
            // The first reason counts.
            if status == nil { status = error }
            return status ?? error
        }
        let waiting = calls
        calls = []
        for call in waiting {
            connection.loop.cancel(call.timer)
            call.done(.failure(error))
        }
        for index in consumers.indices {
            consumers[index].staged = []
            consumers[index].queue.finish(error)
        }
        connection.publishers[id] = nil
        publisher?.end(error)
        publisher = nil
    }
}
