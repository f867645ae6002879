import Broker
import FleetControl
import FleetModel
import Logging

/// How many messages wait in the bots' queues, asked of the broker and kept for a second.
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

    /// Of a bot's intake and its lanes' queues together. Only those the broker told; a missing intake or a broker that is
    /// away is no error.
    func messages(of layouts: [LaneLayout]) async -> [BotID: Int64] {
        let now = ContinuousClock.now
        let stale = layouts.filter { answers[$0.bot].map { $0.at.duration(to: now) > Self.keptFor } ?? true }
        if !stale.isEmpty {
            // What was answered in time is kept, the rest stays unknown.
            try? await withDeadline(Self.patience, "the broker did not say") { () async throws(BrokerError) in
                await self.ask(stale)
            }
        }
        if answers.count > 2 * layouts.count + 1000 {
            answers = answers.filter { $0.value.at.duration(to: .now) < Self.keptFor }
        }
        return layouts.reduce(into: [:]) {
            $0[$1.bot] = answers[$1.bot].flatMap { $0.at >= now - Self.keptFor ? $0.messages : nil }
        }
    }

    private func ask(_ bots: [LaneLayout]) async {
        await withTaskGroup(of: Void.self) { group in
            for first in 0..<min(Self.concurrency, bots.count) {
                let share = stride(from: first, to: bots.count, by: Self.concurrency).map { bots[$0] }
                group.addTask { await self.askInTurn(share) }
            }
        }
    }

    private func askInTurn(_ layouts: [LaneLayout]) async {
        var channel: BrokerChannel?
        for layout in layouts {
            if Task.isCancelled { break }
            do throws(BrokerError) {
                let intake = try await count(FleetTopology.intakeQueue(of: layout.bot), on: &channel)
                var lanes: Int64 = 0
                if intake != nil, layout.hasMover {
                    for key in layout.keys {
                        let queue = FleetTopology.queue(of: key, laneCount: layout.lanes)
                        lanes += try await count(queue, on: &channel) ?? 0
                    }
                }
                answers[layout.bot] = Answer(messages: intake.map { $0 + lanes }, at: .now)
            } catch {
                answers[layout.bot] = Answer(messages: nil, at: .now)
                break
            }
        }
        await channel?.close()
    }

    /// `nil` when there is no such queue, which closes the channel it was asked on.
    private func count(_ queue: String, on channel: inout BrokerChannel?) async throws(BrokerError) -> Int64? {
        do throws(BrokerError) {
            let open: BrokerChannel
            if let channel, channel.isOpen {
                open = channel
            } else {
                open = try await link.connection().openChannel()
            }
            channel = open
            return Int64(try await open.queueStatus(queue).messages)
        } catch {
            if error.code == .notFound { return nil }
            throw error
        }
    }

    /// Deletes what the broker holds of a removed bot. Throws when the broker is away.
    /// - Parameter layouts: all that may have queues.
    func deleteQueues(of bot: BotID, _ layouts: [LaneLayout]) async throws(BrokerError) {
        let connection = try await withDeadline(.seconds(5), "RabbitMQ is away") {
            [link] () async throws(BrokerError) in
            try await link.connection()
        }
        let channel = try await connection.openChannel()
        for layout in layouts { try await channel.deleteLanes(layout) }
        try await channel.deleteQueue(FleetTopology.intakeQueue(of: bot))
        try await channel.deleteQueue(FleetTopology.brokerDeadQueue(of: bot))
        await channel.close()
        answers[bot] = nil
    }
}
