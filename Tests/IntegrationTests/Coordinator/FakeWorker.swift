import Broker
import FleetModel
import FleetTesting
import Foundation

/// A worker's control side, spoken over the broker by hand: its queue, its heartbeats, and answers as told.
final class FakeWorker: Sendable {
    enum Manner: Sendable {
        case apply
        case refuse(String)
        case silent
    }

    let identity: WorkerIdentity
    private let bots: [BotID]
    private let pid: Int32
    private let startedAt: Timestamp
    private let connection: BrokerConnection
    private let publisher: Publisher
    /// Messages it got, each once it was answered.
    let received: AsyncStream<ControlMessage>

    init(
        _ name: String,
        bots: [String],
        _ manner: Manner,
        broker: TestBroker,
        pid: Int32 = 1,
        startedAt: Timestamp = .now
    ) async throws {
        let identity = WorkerIdentity(name: name)
        self.identity = identity
        self.bots = bots.compactMap { BotID($0) }
        self.pid = pid
        self.startedAt = startedAt
        connection = try await broker.connect()
        let publisher = try await Publisher.open(on: connection)
        self.publisher = publisher
        let channel = try await connection.openChannel()
        let queue = FleetTopology.controlQueue(of: identity.incarnation)
        try await channel.declareQueue(queue, durable: false, exclusive: true)
        try await channel.bindQueue(queue, to: FleetTopology.configExchange)
        try await channel.bindQueue(queue, to: FleetTopology.commandExchange)
        let deliveries = try await channel.consume(queue, prefetch: 10)
        let (received, receivedIn) = AsyncStream.makeStream(of: ControlMessage.self)
        self.received = received
        Task {
            defer { receivedIn.finish() }
            while let batch = try? await deliveries.next(max: 10) {
                for delivery in batch {
                    let message = try JSONDecoder().decode(ControlMessage.self, from: Data(delivery.body))
                    try await Self.answer(message, delivery, manner, identity, publisher)
                    receivedIn.yield(message)
                }
            }
        }
    }

    private static func answer(
        _ message: ControlMessage, _ delivery: Delivery, _ manner: Manner, _ identity: WorkerIdentity,
        _ publisher: Publisher
    ) async throws {
        let outcome: ControlReply.Outcome
        switch manner {
        case .apply: outcome = .applied
        case .refuse(let why): outcome = .refused(why)
        case .silent: return
        }
        guard case .config(let generation) = message.action, let replyTo = delivery.replyTo else { return }
        let reply = ControlReply(
            messageID: message.id, worker: identity, outcome: outcome, generation: generation.number)
        let body = Array(try JSONEncoder().encode(reply))
        _ = try await publisher.publish(
            Publication(routingKey: replyTo, body: body, correlationID: delivery.correlationID, persistent: false))
    }

    func beat(_ state: WorkerState = .running, generation: Int64 = 0, hash: String = "") async throws {
        let heartbeat = Heartbeat(
            worker: identity, bots: bots, host: "test", pid: pid, state: state, startedAt: startedAt, sentAt: .now,
            generation: generation, generationHash: hash, residentBytes: 1, counters: Heartbeat.Counters())
        _ = try await publisher.publish(
            Publication(
                exchange: FleetTopology.heartbeatExchange, routingKey: "",
                body: Array(try JSONEncoder().encode(heartbeat)),
                persistent: false, mandatory: false))
    }

    func close() async { await connection.close() }
}
