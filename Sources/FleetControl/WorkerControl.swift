import Broker
import FleetModel
import Logging

/// A worker's ear and voice: its exclusive control queue, its answers, its heartbeats.
///
/// The queue is bound before ``run(bound:handle:)`` says so, and only then should desired state be read: whatever
/// changes later arrives as a message, so nothing falls between.
public struct WorkerControl: Sendable {
    private let identity: WorkerIdentity
    private let link: BrokerLink
    private let outbound: ControlPublisher
    private let logger: Logger

    /// - Parameters:
    ///   - consuming: the connection for deliveries.
    ///   - publishing: another one: a broker under a memory alarm stops reading from publishers.
    public init(identity: WorkerIdentity, consuming: BrokerLink, publishing: BrokerLink, logger: Logger) {
        self.identity = identity
        link = consuming
        outbound = ControlPublisher(link: publishing)
        self.logger = logger
    }

    /// What a worker did about a message, and the generation it runs afterwards.
    public struct Response: Sendable {
        public let outcome: ControlReply.Outcome
        public let generation: Int64

        public init(_ outcome: ControlReply.Outcome, generation: Int64) {
            self.outcome = outcome
            self.generation = generation
        }
    }

    /// Listens until the task is cancelled, over every loss of the connection.
    /// - Parameters:
    ///   - bound: called each time the queue is bound, before anything from it is handled.
    ///   - handle: applies one message.
    public func run(
        bound: @escaping @Sendable () async -> Void,
        handle: @escaping @Sendable (ControlMessage) async -> Response
    ) async {
        let consumer = ExclusiveConsumer(
            link: link,
            queue: FleetTopology.controlQueue(of: identity.incarnation),
            exchanges: [FleetTopology.configExchange, FleetTopology.commandExchange],
            logger: logger,
            prefetch: Self.prefetch
        )
        await consumer.run(
            isReady: { if $0 { await bound() } },
            handle: { batch in await self.answer(batch, handle) }
        )
    }

    /// Control messages taken ahead.
    static let prefetch = 50

    private func answer(_ batch: [Delivery], _ handle: @Sendable (ControlMessage) async -> Response) async {
        let coding = ControlCoding()
        var replies: [Publication] = []
        for delivery in batch {
            guard let message = coding.decode(ControlMessage.self, from: delivery.body) else {
                logger.warning("a control message could not be read")
                continue
            }
            let response = await handle(message)
            guard let replyTo = delivery.replyTo else { continue }
            let reply = ControlReply(
                messageID: message.id,
                worker: identity,
                outcome: response.outcome,
                generation: response.generation
            )
            guard let body = try? coding.encode(reply) else { continue }
            replies.append(
                Publication(
                    routingKey: replyTo,
                    body: body,
                    contentType: "application/json",
                    correlationID: message.id,
                    persistent: false,
                    mandatory: false
                )
            )
        }
        await publish(replies, what: "an answer to the coordinator")
    }

    /// Tells coordinators that this worker lives. One that cannot be sent now is dropped: the next says more.
    public func send(_ heartbeat: Heartbeat) async {
        guard let body = try? ControlCoding().encode(heartbeat) else { return }
        let publication = Publication(
            exchange: FleetTopology.heartbeatExchange,
            routingKey: "",
            body: body,
            contentType: "application/json",
            persistent: false,
            mandatory: false
        )
        await publish([publication], what: "a heartbeat")
    }

    private func publish(_ publications: [Publication], what: String) async {
        if publications.isEmpty { return }
        do throws(BrokerError) {
            _ = try await outbound.publish(publications)
        } catch {
            if error.code != .cancelled { logger.warning("\(what) was not sent: \(error)") }
        }
    }
}
