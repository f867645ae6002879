public import Broker
public import FleetModel
public import Logging

/// Sends control messages and collects the answers: several broadcasts may wait at once, and each answer is counted
/// where it belongs, by the id of the message it answers.
public actor Broadcaster {
    private struct Pending {
        var tally: Tally
        var replies: [ControlReply] = []
        let started: ContinuousClock.Instant
        var waiter: CheckedContinuation<Void, Never>?
    }

    /// Broadcasts that may wait for answers at the same time.
    public static let limit = 64

    private let consumer: ExclusiveConsumer
    private let publisher: ControlPublisher
    private let replyQueue: String
    private let logger: Logger
    private let coding = ControlCoding()
    private var pending: [String: Pending] = [:]
    private var isReady = false
    private var isEnding = false
    private var readyWaiters: [CheckedContinuation<Void, Never>] = []

    /// - Parameters:
    ///   - incoming: the connection that answers arrive on.
    ///   - publisher: on another connection, because a broker under a memory alarm stops reading from publishers.
    public init(incoming: BrokerLink, publisher: ControlPublisher, incarnation: Incarnation, logger: Logger) {
        replyQueue = FleetTopology.replyQueue(of: incarnation)
        consumer = ExclusiveConsumer(link: incoming, queue: replyQueue, exchanges: [], logger: logger)
        self.publisher = publisher
        self.logger = logger
    }

    /// Collects answers until the task is cancelled.
    public func run() async {
        await consumer.run { ready in
            await self.setReady(ready)
        } handle: { batch in
            await self.collect(batch)
        }
    }

    /// Whether answers can arrive now.
    public var isConnected: Bool { isReady }

    /// Waits until answers can arrive. Returns `false` when the task was cancelled first.
    public func waitUntilReady() async -> Bool {
        while !isReady && !Task.isCancelled {
            await withTaskCancellationHandler {
                await withCheckedContinuation { readyWaiters.append($0) }
            } onCancel: {
                Task { await self.wakeReadyWaiters() }
            }
        }
        return isReady
    }

    private func setReady(_ ready: Bool) {
        isReady = ready
        if ready { wakeReadyWaiters() }
    }

    private func wakeReadyWaiters() {
        let waiters = readyWaiters
        readyWaiters = []
        for waiter in waiters { waiter.resume() }
    }

    // MARK: Sending

    /// What came of a broadcast.
    public struct Result: Sendable {
        public let view: TallyView
        /// Those of expected workers, in the order they came; at most one a worker counts.
        public let replies: [ControlReply]
    }

    /// Publishes to a fanout and waits until the last of `expected` has answered or died, or `timeout` has passed.
    /// Whoever has not answered by then is in the answer too, so it comes in time whatever the workers do.
    /// - Throws: only when nothing was sent.
    /// - Parameter isHeardOf: asked at the deadline about those without an answer: `late` or `missing`.
    public func broadcast(
        _ message: ControlMessage,
        to exchange: String,
        generation: Int64,
        expecting expected: [Tally.Expected],
        timeout: Duration,
        isHeardOf: @Sendable (Incarnation) async -> Bool
    ) async throws(BroadcastError) -> Result {
        guard isReady else { throw .notConnected }
        guard pending.count < Self.limit else { throw .tooMany(pending.count) }
        let id = message.id
        let publication = try publication(message, exchange: exchange, routingKey: "")
        let started = ContinuousClock.now
        // Answers may arrive before the confirm does.
        pending[id] = Pending(tally: Tally(generation: generation, expected: expected), started: started)
        defer { pending[id] = nil }
        do throws(BroadcastError) {
            try await publish([publication])
        } catch {
            if error.nothingSent { throw error }
            // It may have reached some or all: their answers tell, and who does not answer is named.
            logger.warning("\(error)", metadata: ["message": "\(id)"])
        }

        let expiry = Task {
            try? await Task.sleep(until: started + timeout, clock: .continuous)
            self.wake(id)
        }
        defer { expiry.cancel() }
        while !isEnding, let entry = pending[id], !entry.tally.isComplete, ContinuousClock.now < started + timeout {
            await withCheckedContinuation { pending[id]?.waiter = $0 }
        }
        let elapsed = started.duration(to: .now)
        let ended = pending[id] ?? Pending(tally: Tally(generation: generation, expected: expected), started: started)
        var heardOf: Set<Incarnation> = []
        if !ended.tally.isComplete {
            for one in expected where await isHeardOf(one.worker.incarnation) { heardOf.insert(one.worker.incarnation) }
        }
        return Result(view: ended.tally.view(after: elapsed) { heardOf.contains($0) }, replies: ended.replies)
    }

    /// Sends to the workers' own queues. Nobody waits for answers.
    public func send(_ action: ControlMessage.Action, to workers: [Incarnation]) async throws(BroadcastError) {
        var batch: [Publication] = []
        for worker in workers {
            let message = ControlMessage(id: Incarnation().rawValue, sentAt: .now, action: action)
            let queue = FleetTopology.controlQueue(of: worker)
            batch.append(try publication(message, exchange: "", routingKey: queue))
        }
        try await publish(batch)
    }

    private func publication(
        _ message: ControlMessage,
        exchange: String,
        routingKey: String
    ) throws(BroadcastError) -> Publication {
        guard let body = try? coding.encode(message) else {
            throw .failed(BrokerError(.misuse, "the control message cannot be written as JSON"))
        }
        return Publication(
            exchange: exchange,
            routingKey: routingKey,
            body: body,
            contentType: "application/json",
            replyTo: replyQueue,
            correlationID: message.id,
            messageID: message.id,
            persistent: false,
            mandatory: false
        )
    }

    private func publish(_ batch: [Publication]) async throws(BroadcastError) {
        let outcomes: [PublishOutcome]
        do throws(BrokerError) {
            outcomes = try await publisher.publish(batch)
        } catch {
            throw .failed(error)
        }
        guard outcomes.allSatisfy({ $0.isConfirmed }) else { throw .unconfirmed }
    }

    // MARK: Answers and deaths

    private func collect(_ batch: [Delivery]) {
        for delivery in batch {
            guard let reply = coding.decode(ControlReply.self, from: delivery.body) else {
                logger.warning("an answer that cannot be read", metadata: ["bytes": "\(delivery.body.count)"])
                continue
            }
            // Answers to broadcasts that ended already are of no interest any more.
            guard let started = pending[reply.messageID]?.started else { continue }
            let elapsed = started.duration(to: .now)
            // One answer of each worker is enough; strangers are not kept, so that nobody can fill the memory.
            if pending[reply.messageID]?.tally.isWaiting(for: reply.worker.incarnation) == true {
                pending[reply.messageID]?.replies.append(reply)
            }
            pending[reply.messageID]?.tally.answered(reply, after: elapsed)
            wakeIfComplete(reply.messageID)
        }
    }

    /// A worker is known to be gone: every tally that waits for it stops waiting.
    public func died(_ incarnation: Incarnation) {
        for id in pending.keys {
            pending[id]?.tally.died(incarnation)
            wakeIfComplete(id)
        }
    }

    /// From now on no broadcast waits for answers; those that do end with what they have.
    public func end() {
        isEnding = true
        for id in pending.keys { wake(id) }
    }

    private func wakeIfComplete(_ id: String) {
        if pending[id]?.tally.isComplete == true { wake(id) }
    }

    private func wake(_ id: String) {
        let waiter = pending[id]?.waiter
        pending[id]?.waiter = nil
        waiter?.resume()
    }
}
