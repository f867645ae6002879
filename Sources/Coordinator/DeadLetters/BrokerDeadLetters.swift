import Broker
import FleetControl
import FleetModel
import Logging
import Store

/// Moves what RabbitMQ itself has dead-lettered (a message at its delivery limit) from `bot.<id>.dead` into the table,
/// so that dead letters are in one place: stored, then acked. A message that is acked too late is told again and
/// leaves nothing.
actor BrokerDeadLetters {
    /// Of one bot in one round; the rest has the next.
    private static let perBot = 1000

    private let link: BrokerLink
    private let database: Database
    private let logger: Logger

    init(link: BrokerLink, database: Database, logger: Logger) {
        self.link = link
        self.database = database
        self.logger = logger
    }

    /// - Returns: how many letters there are more, and why some may be left.
    func collect(_ bots: [BotID]) async -> CollectView {
        var view = CollectView(collected: 0, problem: nil)
        var channel: BrokerChannel?
        for bot in bots {
            if Task.isCancelled { break }
            do {
                // A missing queue closes the channel it was asked on.
                if channel?.isOpen != true { channel = try await openChannel() }
                guard let channel else { break }
                view.collected += try await collect(bot, channel)
            } catch let error as BrokerError where error.code == .notFound {
                continue
            } catch {
                view.problem = "\(error)"
                // Without an ack, what is not stored goes back into its queue.
                break
            }
        }
        await channel?.close()
        if view.collected > 0 {
            logger.warning(
                "RabbitMQ gave updates up; they are dead letters now", metadata: ["count": "\(view.collected)"])
        }
        return view
    }

    private func openChannel() async throws(BrokerError) -> BrokerChannel {
        let link = link
        return try await withDeadline(.seconds(5), "RabbitMQ is away") { () async throws(BrokerError) in
            try await link.connection().openChannel()
        }
    }

    private func collect(_ bot: BotID, _ channel: BrokerChannel) async throws -> Int {
        let queue = FleetTopology.brokerDeadQueue(of: bot)
        var collected = 0
        for _ in 0..<Self.perBot {
            guard let delivery = try await channel.get(queue) else { break }
            if try await database.keepDeadLetter(Self.letter(delivery), of: bot) { collected += 1 }
            try await channel.ack(AckSet(also: [delivery.tag]))
        }
        return collected
    }

    static func letter(_ delivery: Delivery) -> DeadLetterRow {
        // RabbitMQ manual, "Dead Letter Exchanges", effects on messages.
        let why = delivery.headers["x-first-death-reason"]?.text ?? "unknown"
        let received = delivery.headers[FleetTopology.receivedHeader]?.integer
        return DeadLetterRow(
            updateID: (try? UpdateEnvelope(body: delivery.body))?.id,
            body: delivery.body,
            reason: "RabbitMQ gave it up: \(why)",
            attempts: Int32(clamping: delivery.deliveryCount ?? 0),
            kind: .broker,
            firstAt: received.map { Timestamp(milliseconds: $0) }
        )
    }
}
