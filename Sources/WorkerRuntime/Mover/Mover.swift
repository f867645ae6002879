import Broker
import FleetControl
import FleetModel
import Logging
import Store
import Synchronization

/// Moves a bot's updates from the intake into the queues of its lanes: publish, confirm, compare the term, and only then
/// ack. Whatever fails in between, the update is still in the intake; a copy that is in a lane already has no effect
/// twice.
struct Mover: Sendable {
    let layout: LaneLayout
    let role: LaneRole
    let spec: BotSpec
    let worker: WorkerIdentity
    let consuming: BrokerLink
    /// Another connection: a broker under a memory alarm stops reading from those that publish.
    let publishing: BrokerLink
    let database: Database
    let counters: CounterBoard
    let logger: Logger
    private let leaving = Signal()

    init(
        layout: LaneLayout, role: LaneRole, spec: BotSpec, worker: WorkerIdentity, consuming: BrokerLink,
        publishing: BrokerLink, database: Database, counters: CounterBoard, logger: Logger
    ) {
        self.layout = layout
        self.role = role
        self.spec = spec
        self.worker = worker
        self.consuming = consuming
        self.publishing = publishing
        self.database = database
        self.counters = counters
        self.logger = logger
    }

    /// Finishes the batch under way and returns.
    func leave() { leaving.raise() }

    /// Moves until ``leave()``, until the epoch is over, or until the task is cancelled. Reconnects on its own.
    /// - Parameter config: as of now. Its prefetch is the same for all movers of a bot, or order is lost when one dies.
    func run(config: @Sendable () -> BotConfig) async -> LaneEnding {
        while !leaving.isRaised && !Task.isCancelled {
            let pause: Duration
            switch await subscribe(prefetch: config().int("pull.prefetch")) {
            case .left: return .left
            case .over: return .over
            case .lost: pause = Self.pause
            case .handedOver: pause = HandOver.pause
            }
            counters.update(layout.mover, Heartbeat.Counters(), isOwned: false)
            await withDeadline(pause) { await leaving.wait() }
        }
        return .left
    }

    enum SubscriptionEnd {
        case left
        case over
        case lost
        case handedOver
    }

    /// Before it subscribes again after a failure.
    static let pause: Duration = .milliseconds(500)
    /// Updates moved with one comparison of the term. Below the prefetch, so that the next ones are here meanwhile.
    static let batchBound = 500

    private func subscribe(prefetch: Int) async -> SubscriptionEnd {
        var channel: BrokerChannel?
        let end: SubscriptionEnd
        do throws(BrokerError) {
            let handOver = await place.handOver()
            let open = try await open(prefetch: prefetch)
            channel = open.channel
            await place.subscribed()
            end = await serve(open, handOver)
        } catch {
            if error.code != .cancelled { logger.warning("the mover cannot consume: \(error)") }
            end = .lost
        }
        // Without basic.cancel: what is not acked goes back in its order. A cancelled task could not close.
        if let channel { await Task { await channel.close() }.value }
        return end
    }

    private func open(prefetch: Int) async throws(BrokerError) -> Deliveries {
        let link = consuming
        let leaving = leaving
        let attempt = Task { () async -> Result<Deliveries, BrokerError> in
            do throws(BrokerError) {
                let channel = try await link.connection().openChannel()
                try await channel.declareIntake(of: spec)
                let intake = FleetTopology.intakeQueue(of: spec.id)
                return .success(try await channel.consume(intake, prefetch: prefetch))
            } catch {
                return .failure(error)
            }
        }
        let watch = Task {
            await leaving.wait()
            attempt.cancel()
        }
        defer { watch.cancel() }
        return try await withTaskCancellationHandler {
            await attempt.value
        } onCancel: {
            attempt.cancel()
        }.get()
    }

    var place: LanePlace {
        LanePlace(
            key: layout.mover, queue: FleetTopology.intakeQueue(of: spec.id), role: role, worker: worker.name,
            database: database, publishing: publishing, logger: logger)
    }

    private func serve(_ deliveries: Deliveries, _ handOver: HandOver) async -> SubscriptionEnd {
        let stop = MoverStop()
        let pulse = LanePulse()
        let work = Task {
            var session = MoverSession(mover: self, deliveries: deliveries, stop: stop, pulse: pulse)
            return await session.run()
        }
        let watches = [
            Task {
                await leaving.wait()
                stop.raise(.left)
            },
            Task {
                let finding = try? await pulse.watch(deliveries.channel, place: place, handOver: handOver)
                switch finding {
                case .stalled: stop.raise(.lost)
                case .handOver:
                    logger.info("the mover's owner is there; leaving the intake to it")
                    stop.raise(.handedOver)
                case nil: break
                }
            },
            Task {
                // What waits for a server that is away, or for its confirms, is cut short in the end.
                await stop.wait()
                try? await Task.sleep(for: Self.stopPatience)
                if !Task.isCancelled { work.cancel() }
            },
        ]
        defer { for watch in watches { watch.cancel() } }
        return await withTaskCancellationHandler {
            await work.value
        } onCancel: {
            work.cancel()
        }
    }

    /// For the batch under way, once the mover was told to stop.
    static let stopPatience: Duration = .seconds(5)
}

/// Ends a mover's subscription from outside: the first reason counts.
final class MoverStop: Sendable {
    private let signal = Signal()
    private let first = Mutex<Mover.SubscriptionEnd?>(nil)

    func raise(_ end: Mover.SubscriptionEnd) {
        first.withLock { if $0 == nil { $0 = end } }
        signal.raise()
    }

    var reason: Mover.SubscriptionEnd? { first.withLock { $0 } }
    func wait() async { await signal.wait() }
}
