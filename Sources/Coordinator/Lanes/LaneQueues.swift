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
