import Broker
import FleetControl
import FleetModel
import Logging

/// How many messages wait in the bots' intakes, asked of the broker and kept for a second.
actor Backlogs {
    /// Questions to the broker at the same time.
    private static let concurrency = 4
    private static let keptFor: Duration = .seconds(1)
    /// For all the questions of one call together.
    private static let patience: Duration = .seconds(2)

    private struct Answer {
        let messages: Int64?
        let at: ContinuousClock.Instant
    }

    private let link: BrokerLink
    private var answers: [BotID: Answer] = [:]

    init(link: BrokerLink) { self.link = link }

    /// Only those the broker told; a missing queue or a broker that is away is no error.
    func messages(of bots: [BotID]) async -> [BotID: Int64] {
        let now = ContinuousClock.now
        let stale = bots.filter { answers[$0].map { $0.at.duration(to: now) > Self.keptFor } ?? true }
        if !stale.isEmpty {
            // What was answered in time is kept, the rest stays unknown.
            try? await withDeadline(Self.patience, "the broker did not say") { () async throws(BrokerError) in
                await self.ask(stale)
            }
        }
        if answers.count > 2 * bots.count + 1000 {
            answers = answers.filter { $0.value.at.duration(to: .now) < Self.keptFor }
        }
        return bots.reduce(into: [:]) {
            $0[$1] = answers[$1].flatMap { $0.at >= now - Self.keptFor ? $0.messages : nil }
        }
    }

    private func ask(_ bots: [BotID]) async {
        await withTaskGroup(of: Void.self) { group in
            for first in 0..<min(Self.concurrency, bots.count) {
                let share = stride(from: first, to: bots.count, by: Self.concurrency).map { bots[$0] }
                group.addTask { await self.askInTurn(share) }
            }
        }
    }

    private func askInTurn(_ bots: [BotID]) async {
        var channel: BrokerChannel?
        for bot in bots {
            if Task.isCancelled { break }
            do throws(BrokerError) {
                // A missing queue closes the channel it was asked on.
                let open: BrokerChannel
                if let channel, channel.isOpen {
                    open = channel
                } else {
                    open = try await link.connection().openChannel()
                }
                channel = open
                let status = try await open.queueStatus(FleetTopology.intakeQueue(of: bot))
                answers[bot] = Answer(messages: Int64(status.messages), at: .now)
            } catch {
                answers[bot] = Answer(messages: nil, at: .now)
                if error.code != .notFound { break }
            }
        }
        await channel?.close()
    }

    /// Deletes what the broker holds of a removed bot. Throws when the broker is away.
    func deleteQueues(of bot: BotID) async throws(BrokerError) {
        let link = link
        try await withDeadline(.seconds(5), "RabbitMQ is away") { () async throws(BrokerError) in
            let channel = try await link.connection().openChannel()
            try await channel.deleteQueue(FleetTopology.intakeQueue(of: bot))
            try await channel.deleteQueue(FleetTopology.brokerDeadQueue(of: bot))
            await channel.close()
        }
        answers[bot] = nil
    }
}
