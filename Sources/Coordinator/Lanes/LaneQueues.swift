import Broker
import FleetControl
import FleetModel

/// What a change of the layout needs of the broker. Each call has a deadline; a connection is waited for only shortly.
struct LaneQueues: Sendable {
    private static let patience: Duration = .seconds(3)

    let incoming: BrokerLink
    /// Publishing has a connection of its own.
    let outgoing: BrokerLink

    func declare(_ layout: LaneLayout, of spec: BotSpec) async throws(BrokerError) {
        try await onChannel { channel async throws(BrokerError) in try await channel.declareLanes(layout, of: spec) }
    }

    /// Declares the queues of an epoch that nobody uses yet and sees to it that they outlive a crash of the broker.
    ///
    /// RabbitMQ knows a new quorum queue by name at once, but notes on disk where its log is only a second or so later
    /// (seen with 3.10: killed 0.8 s after the declaration it never served the queue again, after 2 s it did). So they are
    /// asked to confirm a message, left alone for a while, and asked once more; one that does not answer holds nothing, and
    /// is made anew at the next try.
    /// - Throws: when a queue did not answer.
    func prepare(_ layout: LaneLayout, of spec: BotSpec) async throws(BrokerError) {
        try await declare(layout, of: spec)
        if layout.lanes == 1 { return }
        try await prove(layout)
        do { try await Task.sleep(for: Self.settling) } catch { throw BrokerError(.cancelled, "cancelled") }
        try await prove(layout)
    }

    private static let settling: Duration = .seconds(3)

    /// Each queue takes a message that means nothing.
    func prove(_ layout: LaneLayout) async throws(BrokerError) {
        if layout.lanes == 1 { return }
        let publisher = try await Publisher.open(on: connection(outgoing))
        let outcomes: [PublishOutcome]
        do throws(BrokerError) {
            outcomes = try await publisher.publish(
                layout.keys.map { key in
                    Publication(
                        routingKey: FleetTopology.queue(of: key, laneCount: layout.lanes), body: [],
                        headers: [FleetTopology.wakeHeader: true])
                })
        } catch {
            await publisher.close()
            throw error
        }
        await publisher.close()
        guard outcomes.contains(where: { $0 != .confirmed }) else { return }
        try await delete([layout])
        throw BrokerError(.timeout, "new queues of \(layout.bot) took no message and are made anew")
    }

    func delete(_ layouts: [LaneLayout]) async throws(BrokerError) {
        try await onChannel { channel async throws(BrokerError) in
            for layout in layouts { try await channel.deleteLanes(layout) }
        }
    }

    /// - Throws: also when a queue did not take its seal.
    func seal(_ layout: LaneLayout) async throws(BrokerError) {
        let publisher = try await Publisher.open(on: connection(outgoing))
        let missing: [String]
        do throws(BrokerError) {
            missing = try await publisher.publishSeals(layout)
        } catch {
            await publisher.close()
            throw error
        }
        await publisher.close()
        if let first = missing.first {
            throw BrokerError(.timeout, "\(missing.count) queues took no seal, among them \(first)")
        }
    }

    private func onChannel(
        _ body: (BrokerChannel) async throws(BrokerError) -> Void
    ) async throws(BrokerError) {
        let channel = try await connection(incoming).openChannel()
        do throws(BrokerError) {
            try await body(channel)
        } catch {
            await channel.close()
            throw error
        }
        await channel.close()
    }

    private func connection(_ link: BrokerLink) async throws(BrokerError) -> BrokerConnection {
        try await withDeadline(Self.patience, "RabbitMQ is away") { () async throws(BrokerError) in
            try await link.connection()
        }
    }
}
