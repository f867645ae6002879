import EventLoop

/// The publishing side of a channel. Everything here runs on the connection's loop, except ``publish(_:)``.
final class PublisherCore: @unchecked Sendable {
    // @unchecked: the constants are Sendable; `window` and `batches` are touched on the loop alone.

    private struct Batch {
        let publications: [Publication]
        let timer: EventLoop.Timer
        let done: ChannelCore.Done<[PublishOutcome]>
    }

    private let channel: ChannelCore
    private let frameMax: Int
    private var window: ConfirmWindow
    private var batches: [ConfirmWindow.BatchID: Batch] = [:]

    init(channel: ChannelCore, window: Int, frameMax: Int) {
        self.channel = channel
        self.frameMax = frameMax
        self.window = ConfirmWindow(capacity: window)
    }

    private var connection: ConnectionCore { channel.connection }

    /// From any thread.
    func publish(_ publications: [Publication]) async throws(BrokerError) -> [PublishOutcome] {
        for publication in publications { try WireRules.check(publication, frameMax: frameMax) }
        return try await connection.request { [self] _, done in start(publications, done) }
    }

    private func start(_ publications: [Publication], _ done: @escaping ChannelCore.Done<[PublishOutcome]>) {
        guard channel.phase == .open, connection.phase == .open else {
            done(.failure(channel.failure ?? connection.shared.failure ?? .closedByUs))
            return
        }
        let id = window.add(count: publications.count)
        let timer = connection.loop.schedule(after: connection.configuration.confirmTimeout) { [self] in expire(id) }
        batches[id] = Batch(publications: publications, timer: timer, done: done)
        pump()
    }

    /// Encodes what there is room for: in the window, and in the buffer that waits to be sent.
    func pump() {
        guard channel.phase == .open, connection.phase == .open, !connection.isBlocked else { return }
        while let first = window.next(), let batch = batches[first.batch] {
            var index = first.index
            while index < batch.publications.count, window.hasRoom {
                if connection.outboundCount >= ConnectionCore.outboundLimit { return }
                connection.writer.publication(batch.publications[index], channel: channel.id)
                window.sent(first.batch, index: index)
                index += 1
            }
        }
    }

    private static func digest(_ publication: Publication) -> UInt64 {
        Digest.of(
            exchange: publication.exchange,
            routingKey: publication.routingKey,
            messageID: publication.messageID,
            correlationID: publication.correlationID,
            body: publication.body
        )
    }

    func settle(_ sequence: UInt64, multiple: Bool, as outcome: PublishOutcome) {
        for settled in window.settle(sequence, multiple: multiple, as: outcome) { finish(settled, nil) }
        pump()
    }

    func returned(_ message: Delivery, code: Int, text: String) {
        let digest = Digest.of(
            exchange: message.exchange,
            routingKey: message.routingKey,
            messageID: message.messageID,
            correlationID: message.correlationID,
            body: message.body
        )
        window.returned(code: code, text: text) { [batches] id, index in
            guard let publication = batches[id]?.publications[index], publication.mandatory else { return false }
            return Self.digest(publication) == digest
        }
    }

    /// The deadline of a batch. A confirm that is overdue closes the channel, since nobody knows any more what the broker
    /// did; not so while the broker holds us back, and not if nothing was sent.
    private func expire(_ id: ConfirmWindow.BatchID) {
        guard let settled = window.expire(id) else { return }
        let configuration = connection.configuration
        let limit = configuration.confirmTimeout
        let blocked = connection.isBlocked
        let error =
            blocked
            ? BrokerError(
                .blocked,
                "RabbitMQ at \(configuration.place) has held publishers back for \(limit) (memory or disk alarm); free memory or disk there"
            )
            : BrokerError(.timeout, "RabbitMQ at \(configuration.place) did not confirm within \(limit)")
        finish(settled, error)
        guard settled.sent > 0, !blocked else { return }
        channel.startClosing(error) {}
        connection.flush()
    }

    func end(_ error: BrokerError) {
        for settled in window.fail() { finish(settled, error) }
    }

    private func finish(_ settled: ConfirmWindow.Settled, _ error: BrokerError?) {
        guard let batch = batches.removeValue(forKey: settled.batch) else { return }
        connection.loop.cancel(batch.timer)
        if let error, settled.sent == 0 {
            batch.done(.failure(error))
        } else {
            batch.done(.success(settled.outcomes))
        }
    }
}
