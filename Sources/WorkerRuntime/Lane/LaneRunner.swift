import BotKit
import Broker
import FleetControl
import FleetModel
import Logging
import Store
import TelegramAPI

/// Carries out what a ``Lane`` asks for: one task owns the lane and does nothing but look at what happened, tell the
/// lane, and start what it wants next. Everything that waits runs beside it and posts into the mailbox.
struct LaneRunner: Sendable {
    let key: LaneKey
    let spec: BotSpec
    let worker: WorkerIdentity
    let behaviour: any Behaviour
    let link: BrokerLink
    let database: Database
    let telegram: TelegramExchange
    let counters: CounterBoard
    let logger: Logger
    let mailbox = Mailbox<LaneEvent>()

    /// After a failed claim or settlement, before the next one.
    static let databasePause: Duration = .milliseconds(250)
    /// How long a predecessor's send may be under way: its HTTP deadline and some.
    static let sendLease: Duration = .seconds(20)

    /// Consumes until ``LaneEvent/drain`` was posted and everything begun is committed, acked and, within `deadline`,
    /// sent. Reconnects on its own. Cancelling the task drops what is not committed; it comes again.
    func run(config: BotConfig, drainDeadline: Duration) async {
        let answers = Task { await self.collectAnswers() }
        await withTaskCancellationHandler {
            await consume(config: config, drainDeadline: drainDeadline)
        } onCancel: {
            mailbox.wake()
        }
        telegram.close()
        await answers.value
    }

    private func consume(config: BotConfig, drainDeadline: Duration) async {
        var lane = Lane(bot: spec.id, config: config)
        while !lane.isDraining && !Task.isCancelled {
            var logger = logger
            do throws(BrokerError) {
                let subscription = try await subscribe(prefetch: lane.config.int("pull.prefetch"))
                logger[metadataKey: "queue"] = "\(subscription.queue)"
                await serve(&lane, subscription, drainDeadline: drainDeadline)
                await subscription.channel.close()
            } catch {
                if error.code == .cancelled { return }
                logger.warning("cannot consume: \(error)", metadata: ["bot": "\(spec.id)"])
                await handleWithoutChannel(&lane)
            }
        }
    }

    private struct Subscription {
        let channel: BrokerChannel
        let deliveries: Deliveries
        let queue: String
    }

    private func subscribe(prefetch: Int) async throws(BrokerError) -> Subscription {
        let connection = try await link.connection()
        let channel = try await connection.openChannel()
        let queue = FleetTopology.queue(of: key, laneCount: 1)
        try await channel.declareIntake(of: spec)
        let deliveries = try await channel.consume(queue, prefetch: prefetch)
        return Subscription(channel: channel, deliveries: deliveries, queue: queue)
    }

    /// Between two attempts to subscribe, config changes and a drain must still be heard.
    private func handleWithoutChannel(_ lane: inout Lane) async {
        let mailbox = mailbox
        let timer = Task {
            try? await Task.sleep(for: .milliseconds(500))
            mailbox.wake()
        }
        for event in await mailbox.next() {
            switch event {
            case .configure(let config, let done):
                lane.configure(config)
                done()
            case .drain: lane.isDraining = true
            case .sent(let answers):
                for (seq, answer) in answers { lane.sendEnded(seq, answer, now: .now) }
            default: break
            }
        }
        timer.cancel()
    }

    /// Works on one subscription until its channel fails, the fence closes it, or the lane is drained.
    private func serve(_ lane: inout Lane, _ subscription: Subscription, drainDeadline: Duration) async {
        var session = LaneSession(runner: self, channel: subscription.channel)
        let pulse = LanePulse()
        let puller = startPulling(subscription.deliveries, pulse)
        let watch = startWatching(subscription, pulse)
        defer {
            puller.cancel()
            watch.cancel()
        }
        while true {
            let events = await mailbox.next()
            let now = ContinuousClock.now
            for event in events { session.take(event, &lane, now: now, drainDeadline: drainDeadline) }
            await session.drive(&lane)
            pulse.open(lane.acks.open)
            counters.update(key, lane.counters)
            if session.isOver(lane, cancelled: Task.isCancelled) { break }
        }
        session.end()
        // What is under way in the database must end before the lane is claimed again, or the claim would kill it.
        await session.quiesce(&lane)
        lane.channelClosed(now: .now)
        if let marks = lane.takeOrphanMarks() {
            lane.marked(failed: await mark(marks.seqs, lane: marks.lane), now: .now)
        }
        counters.update(key, lane.counters)
    }

    private func startWatching(_ subscription: Subscription, _ pulse: LanePulse) -> Task<Void, Never> {
        let mailbox = mailbox
        let logger = logger
        return Task {
            // An error of the channel reaches the puller too, which reports it.
            guard (try? await pulse.watch(subscription.channel, queue: subscription.queue)) != nil else { return }
            logger.warning("messages are ready but none arrive; subscribing anew")
            mailbox.post(.stalled)
        }
    }

    private func startPulling(_ deliveries: Deliveries, _ pulse: LanePulse) -> Task<Void, Never> {
        let mailbox = mailbox
        return Task {
            do throws(BrokerError) {
                while true {
                    let batch = try await deliveries.next(max: Self.pullBound)
                    pulse.arrived(batch.count)
                    mailbox.post(.arrived(batch.map(Arrival.init)))
                }
            } catch {
                mailbox.post(.channelFailed(error))
            }
        }
    }

    /// Deliveries taken from the channel's buffer at once. The prefetch bounds how many there can be.
    static let pullBound = 500
}

extension Arrival {
    init(_ delivery: Delivery) {
        self.init(
            tag: delivery.tag,
            redelivered: delivery.redelivered,
            replay: delivery.headers[FleetTopology.replayHeader]?.integer,
            body: delivery.body
        )
    }
}
