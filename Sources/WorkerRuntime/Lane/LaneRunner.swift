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
        var number = 0
        while !lane.isDraining && !Task.isCancelled {
            number += 1
            guard let subscription = await subscription(number, &lane) else { continue }
            await serve(&lane, subscription, drainDeadline: drainDeadline)
            if !Task.isCancelled { await subscription.channel.close() }
        }
        await markOrphans(&lane)
    }

    /// The next subscription, or `nil` when the lane has to stop or the attempt failed. While the broker is away the lane
    /// still hears of config, of a drain, and of answers from Telegram.
    private func subscription(_ number: Int, _ lane: inout Lane) async -> LaneSubscription? {
        let prefetch = lane.config.int("pull.prefetch")
        let mailbox = mailbox
        let attempt = Task {
            let result: Result<LaneSubscription, BrokerError>
            do throws(BrokerError) {
                result = .success(try await self.subscribe(number, prefetch: prefetch))
            } catch {
                result = .failure(error)
                // A broker that refuses at once must not make this spin.
                if error.code != .cancelled { try? await Task.sleep(for: Self.subscribePause) }
            }
            mailbox.post(.subscribed(result))
        }
        while true {
            for event in await mailbox.next() {
                switch event {
                case .subscribed(.success(let subscription)):
                    if !lane.isDraining { return subscription }
                    await subscription.channel.close()
                    return nil
                case .subscribed(.failure(let error)):
                    if error.code != .cancelled { logger.warning("cannot consume: \(error)") }
                    return nil
                case .configure(let config, let done):
                    lane.configure(config)
                    done()
                case .drain:
                    lane.isDraining = true
                case .sent(let answers):
                    for (seq, answer) in answers { lane.sendEnded(seq, answer, now: .now) }
                default: break
                }
            }
            if lane.isDraining || Task.isCancelled { attempt.cancel() }
        }
    }

    /// After a settlement that held updates of the past.
    static let duplicatePause: Duration = .milliseconds(20)
    static let subscribePause: Duration = .milliseconds(500)

    private func subscribe(_ number: Int, prefetch: Int) async throws(BrokerError) -> LaneSubscription {
        let connection = try await link.connection()
        let channel = try await connection.openChannel()
        let queue = FleetTopology.queue(of: key, laneCount: 1)
        try await channel.declareIntake(of: spec)
        let deliveries = try await channel.consume(queue, prefetch: prefetch)
        return LaneSubscription(number: number, channel: channel, deliveries: deliveries, queue: queue)
    }

    /// Works on one subscription until its channel fails, the fence closes it, or the lane is drained.
    private func serve(_ lane: inout Lane, _ subscription: LaneSubscription, drainDeadline: Duration) async {
        var session = LaneSession(
            runner: self, subscription: subscription, drainDeadline: drainDeadline)
        let pulse = LanePulse()
        let puller = startPulling(subscription, pulse)
        let watch = startWatching(subscription, pulse)
        defer {
            puller.cancel()
            watch.cancel()
        }
        while true {
            let events = await mailbox.next()
            let now = ContinuousClock.now
            for event in events { session.take(event, &lane, now: now) }
            await session.drive(&lane)
            pulse.open(lane.acks.open)
            counters.update(key, lane.counters)
            if session.isOver(lane, cancelled: Task.isCancelled) { break }
        }
        session.end()
        // Cut short, nothing is waited for: what is committed counts, and the rest comes again.
        if Task.isCancelled { return }
        // What is under way in the database must end before the lane is claimed again, or the claim would kill it.
        await session.quiesce(&lane)
        lane.channelClosed(now: .now)
        await markOrphans(&lane)
        counters.update(key, lane.counters)
    }

    private func markOrphans(_ lane: inout Lane) async {
        guard !Task.isCancelled, let marks = lane.takeOrphanMarks() else { return }
        lane.marked(failed: await mark(marks.seqs, lane: marks.lane), now: .now)
    }

    private func startWatching(_ subscription: LaneSubscription, _ pulse: LanePulse) -> Task<Void, Never> {
        let mailbox = mailbox
        let logger = logger
        return Task {
            // An error of the channel reaches the puller too, which reports it.
            guard (try? await pulse.watch(subscription.channel, queue: subscription.queue)) != nil else { return }
            logger.warning("messages are ready but none arrive; subscribing anew")
            mailbox.post(.stalled(subscription.number))
        }
    }

    private func startPulling(_ subscription: LaneSubscription, _ pulse: LanePulse) -> Task<Void, Never> {
        let mailbox = mailbox
        return Task {
            do throws(BrokerError) {
                while true {
                    let batch = try await subscription.deliveries.next(max: Self.pullBound)
                    pulse.arrived(batch.count)
                    mailbox.post(.arrived(subscription.number, batch.map(Arrival.init)))
                }
            } catch {
                mailbox.post(.channelFailed(subscription.number, error))
            }
        }
    }

    /// Deliveries taken from the channel's buffer at once. The prefetch bounds how many there can be.
    static let pullBound = 500
}

/// One subscription to a lane's queue.
struct LaneSubscription: Sendable {
    /// Counts from 1 within a runner.
    let number: Int
    let channel: BrokerChannel
    let deliveries: Deliveries
    let queue: String
}

extension Arrival {
    init(_ delivery: Delivery) {
        let headers = delivery.headers
        self.init(
            tag: delivery.tag,
            redelivered: delivery.redelivered,
            replay: headers[FleetTopology.replayHeader]?.integer,
            age: headers[FleetTopology.receivedHeader]?.integer.map {
                .milliseconds(Timestamp.now.milliseconds - $0)
            },
            body: delivery.body
        )
    }
}
