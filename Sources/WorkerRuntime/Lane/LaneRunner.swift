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
    let layout: LaneLayout
    let role: LaneRole
    let spec: BotSpec
    let worker: WorkerIdentity
    let behaviour: any Behaviour
    let link: BrokerLink
    /// For the rare message of its own; deliveries come by `link`.
    let publishing: BrokerLink
    let database: Database
    let telegram: TelegramExchange
    let rate: BotRate
    let counters: CounterBoard
    let trials: TrialPool
    let logger: Logger
    let mailbox = Mailbox<LaneEvent>()

    /// After a failed claim or settlement, before the next one.
    static let databasePause: Duration = .milliseconds(250)
    /// Consumes until ``LaneEvent/drain`` was posted and everything begun is committed, acked and, within `deadline`,
    /// sent, or until the lane is sealed. Reconnects on its own. Cancelling the task drops what is not committed; it
    /// comes again.
    func run(config: BotConfig, drainDeadline: Duration) async -> LaneEnding {
        let answers = Task { await self.collectAnswers() }
        let ending = await withTaskCancellationHandler {
            await consume(config: config, drainDeadline: drainDeadline)
        } onCancel: {
            mailbox.wake()
        }
        telegram.close()
        await answers.value
        return ending
    }

    private func consume(config: BotConfig, drainDeadline: Duration) async -> LaneEnding {
        var lane = Lane(bot: spec.id, config: config, key: key, rate: rate)
        var number = 0
        var ending = LaneEnding.left
        var pause = Duration.zero
        while !lane.isDraining && !Task.isCancelled && ending != .over {
            number += 1
            switch await subscription(number, &lane, after: pause) {
            case .none: pause = .zero
            case .over: ending = .over
            case .some(let subscription):
                let end = await serve(&lane, subscription, drainDeadline: drainDeadline)
                if !Task.isCancelled { await subscription.channel.close() }
                if end == .over { ending = .over }
                if end == .handedOver { lane.isDraining = false }
                pause = end == .handedOver ? HandOver.pause : .zero
            }
        }
        await markOrphans(&lane)
        return ending
    }

    private enum Attempt {
        /// The lane has to stop, or it failed.
        case none
        case some(LaneSubscription)
        case over
    }

    /// The next subscription. While the broker is away the lane still hears of config, of a drain, and of answers from
    /// Telegram.
    private func subscription(_ number: Int, _ lane: inout Lane, after pause: Duration) async -> Attempt {
        let prefetch = lane.config.int("pull.prefetch")
        let mailbox = mailbox
        let attempt = Task {
            let result: Result<LaneSubscription?, BrokerError>
            do throws(BrokerError) {
                if pause > .zero { try? await Task.sleep(for: pause) }
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
                case .subscribed(.success(.some(let subscription))):
                    if !lane.isDraining { return .some(subscription) }
                    await subscription.channel.close()
                    return .none
                case .subscribed(.success(.none)):
                    return .over
                case .subscribed(.failure(let error)):
                    if error.code != .cancelled { logger.warning("cannot consume: \(error)") }
                    return .none
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

    private func subscribe(_ number: Int, prefetch: Int) async throws(BrokerError) -> LaneSubscription? {
        let connection = try await link.connection()
        // A queue that went with its epoch must not be declared again.
        if layout.lanes > 1, await isOver() { return nil }
        let channel = try await connection.openChannel()
        let queue = FleetTopology.queue(of: key, laneCount: layout.lanes)
        try await channel.declareLane(key, layout, of: spec)
        let handOver = await place.handOver()
        let deliveries = try await channel.consume(queue, prefetch: prefetch)
        await place.subscribed()
        logger.debug("subscribed", metadata: ["queue": "\(queue)", "duty": "\(role.duty)"])
        return LaneSubscription(number: number, channel: channel, deliveries: deliveries, handOver: handOver)
    }

    var place: LanePlace {
        LanePlace(
            key: key, queue: FleetTopology.queue(of: key, laneCount: layout.lanes), role: role, worker: worker.name,
            database: database, publishing: publishing, logger: logger)
    }

    private func isOver() async -> Bool {
        do throws(StoreError) {
            return try await database.laneLayout(of: key.bot).epoch > key.epoch
        } catch {
            // Without the database no lane is claimed either; the subscription only stands in line.
            return false
        }
    }

    enum ServeEnd {
        /// Subscribe again, unless the lane is draining.
        case lost
        case handedOver
        /// The lane is sealed.
        case over
    }

    /// Works on one subscription until its channel fails, the fence closes it, or the lane is drained, handed over or
    /// sealed.
    private func serve(
        _ lane: inout Lane, _ subscription: LaneSubscription, drainDeadline: Duration
    ) async -> ServeEnd {
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
            counters.update(key, lane.counters, isOwned: lane.isOwned)
            if session.isOver(lane, cancelled: Task.isCancelled) { break }
        }
        session.end()
        // Cut short, nothing is waited for: what is committed counts, and the rest comes again.
        if Task.isCancelled { return session.serveEnd(lane) }
        // What is under way in the database must end before the lane is claimed again, or the claim would kill it.
        await session.quiesce(&lane)
        // A drain, or a seal, may have come meanwhile.
        let end = session.serveEnd(lane)
        logger.debug("subscription ends", metadata: ["end": "\(end)"])
        lane.channelClosed(now: .now)
        await markOrphans(&lane)
        counters.update(key, lane.counters, isOwned: false)
        return end
    }

    private func markOrphans(_ lane: inout Lane) async {
        guard !Task.isCancelled, let marks = lane.takeOrphanMarks() else { return }
        lane.marked(failed: await mark(marks.seqs, lane: marks.lane), now: .now)
    }

    private func startWatching(_ subscription: LaneSubscription, _ pulse: LanePulse) -> Task<Void, Never> {
        let mailbox = mailbox
        let logger = logger
        let place = place
        return Task {
            // An error of the channel reaches the puller too, which reports it.
            let finding = try? await pulse.watch(subscription.channel, place: place, handOver: subscription.handOver)
            switch finding {
            case .stalled:
                logger.warning("messages are ready but none arrive; subscribing anew")
                mailbox.post(.stalled(subscription.number))
            case .handOver:
                logger.info("the lane's owner is there; leaving the lane to it")
                mailbox.post(.handOver(subscription.number))
            case nil: break
            }
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
    let handOver: HandOver
}

extension Arrival {
    init(_ delivery: Delivery) {
        if let epoch = delivery.header(FleetTopology.sealHeader)?.integer {
            self.init(tag: delivery.tag, .seal(epoch: epoch))
            return
        }
        if delivery.header(FleetTopology.wakeHeader) == .bool(true) {
            self.init(tag: delivery.tag, .wake)
            return
        }
        self.init(
            tag: delivery.tag,
            redelivered: delivery.redelivered || delivery.header(FleetTopology.againHeader) == .bool(true),
            replay: delivery.header(FleetTopology.replayHeader)?.integer,
            age: delivery.header(FleetTopology.receivedHeader)?.integer.map {
                .milliseconds(Timestamp.now.milliseconds - $0)
            },
            body: delivery.body
        )
    }
}
