import Broker
import FleetControl
import FleetModel
import Logging
import TelegramAPI

/// Publishes into the bots' queues over one connection, which it shares among all pollers and restores when it is lost.
actor IntakePublisher: UpdateSink {
    /// How long a publication waits for a connection. The link goes on trying; a poller has to hear of its end.
    private static let patience: Duration = .seconds(3)

    private let link: BrokerLink
    private let logger: Logger
    private var publisher: Publisher?
    private var opening: Task<Result<Publisher, BrokerError>, Never>?
    /// Bots whose queue is known to be there, on this connection.
    private var declared: Set<BotID> = []
    private var lastDeclaration: Task<Void, Never>?

    init(link: BrokerLink, logger: Logger) {
        self.link = link
        self.logger = logger
    }

    func publish(_ updates: [ReceivedUpdate], of bot: BotSpec) async throws(BrokerError) -> [PublishOutcome] {
        let publisher = try await openPublisher()
        if !declared.contains(bot.id) { try await declare(bot, on: publisher) }
        let queue = FleetTopology.intakeQueue(of: bot.id)
        // By this the worker knows what Telegram no longer waits for.
        let headers: [String: AMQPValue] = [FleetTopology.receivedHeader: .int(Timestamp.now.milliseconds)]
        let outcomes = try await publisher.publish(
            updates.map {
                Publication(routingKey: queue, body: $0.body, contentType: "application/json", headers: headers)
            })
        // The queue is gone: declared again before the next try.
        if outcomes.contains(where: { if case .returned = $0 { true } else { false } }) { declared.remove(bot.id) }
        return outcomes
    }

    /// A bot that is polled no longer: its queue is declared again if it comes back.
    func forget(_ bot: BotID) { declared.remove(bot) }

    func close() async {
        await publisher?.close()
        await link.close()
    }

    /// The open one; else all callers wait for the same attempt.
    private func openPublisher() async throws(BrokerError) -> Publisher {
        if let publisher, publisher.isOpen { return publisher }
        let attempt = opening ?? Task { await self.open() }
        opening = attempt
        return try await attempt.value.get()
    }

    private func open() async -> Result<Publisher, BrokerError> {
        defer { opening = nil }
        declared = []
        let link = link
        do throws(BrokerError) {
            let fresh = try await withDeadline(Self.patience, "RabbitMQ is away") { () async throws(BrokerError) in
                try await Publisher.open(on: link.connection())
            }
            publisher = fresh
            return .success(fresh)
        } catch {
            return .failure(error)
        }
    }

    /// One after another: a thousand pollers that start together would otherwise open a thousand channels.
    private func declare(_ bot: BotSpec, on publisher: Publisher) async throws(BrokerError) {
        let previous = lastDeclaration
        let declaration = Task { () -> BrokerError? in
            await previous?.value
            return await self.declareNow(bot, on: publisher)
        }
        lastDeclaration = Task { _ = await declaration.value }
        if let error = await declaration.value { throw error }
    }

    /// On a channel of its own, because an error closes it.
    private func declareNow(_ bot: BotSpec, on publisher: Publisher) async -> BrokerError? {
        guard publisher === self.publisher, !declared.contains(bot.id) else { return nil }
        do throws(BrokerError) {
            let channel = try await publisher.channel.connection.openChannel()
            let failure = await Self.declare(bot, on: channel)
            await channel.close()
            if let failure {
                guard failure.code == .preconditionFailed else { return failure }
                // It exists with other arguments: updates can go in all the same, and a queue is not ours to replace.
                logger.error("the queue exists with other properties: \(failure)", metadata: ["bot": "\(bot.id)"])
            }
            if publisher === self.publisher { declared.insert(bot.id) }
            return nil
        } catch {
            return error
        }
    }

    private static func declare(_ bot: BotSpec, on channel: BrokerChannel) async -> BrokerError? {
        do throws(BrokerError) {
            try await channel.declareIntake(of: bot)
            return nil
        } catch {
            return error
        }
    }
}
