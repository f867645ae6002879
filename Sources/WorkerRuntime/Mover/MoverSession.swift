import Broker
import FleetControl
import FleetModel
import Logging
import Store

/// One subscription of a mover to the intake.
struct MoverSession {
    let mover: Mover
    let deliveries: Deliveries
    let stop: MoverStop
    let pulse: LanePulse
    private var claim: LaneClaim?
    private var publisher: Publisher?

    init(mover: Mover, deliveries: Deliveries, stop: MoverStop, pulse: LanePulse) {
        self.mover = mover
        self.deliveries = deliveries
        self.stop = stop
        self.pulse = pulse
    }

    mutating func run() async -> Mover.SubscriptionEnd {
        var end = Mover.SubscriptionEnd.lost
        do {
            while true {
                let batch = try await pull()
                pulse.arrived(batch.count)
                pulse.open(batch.count)
                let claim = try await claimed()
                try await move(MoverBatch(batch, layout: mover.layout), claim)
                pulse.open(0)
            }
        } catch let stopped as Stopped {
            end = stopped.end
        } catch let error as StoreError {
            switch error.code {
            case .sealed: end = .over
            case .fenced: mover.logger.warning("another worker moves the intake now; leaving it")
            default: mover.logger.warning("the mover: \(error)")
            }
        } catch {
            mover.logger.warning("the mover: \(error)")
        }
        await publisher?.close()
        return end
    }

    private struct Stopped: Error {
        let end: Mover.SubscriptionEnd
    }

    private func checkStop() throws {
        if let end = stop.reason { throw Stopped(end: end) }
        if Task.isCancelled { throw Stopped(end: .left) }
        // Nothing of this subscription can be acked any more; who moves now has it all.
        if !deliveries.channel.isOpen { throw Stopped(end: .lost) }
    }

    /// The next deliveries, or the end as soon as the subscription is stopped.
    private func pull() async throws -> [Delivery] {
        let deliveries = deliveries
        let pull = Task { () async -> Result<[Delivery], BrokerError> in
            do throws(BrokerError) {
                return .success(try await deliveries.next(max: Mover.batchBound))
            } catch {
                return .failure(error)
            }
        }
        let watch = Task { [stop] in
            await stop.wait()
            pull.cancel()
        }
        defer { watch.cancel() }
        let result = await withTaskCancellationHandler {
            await pull.value
        } onCancel: {
            pull.cancel()
        }
        if case .failure = result { try checkStop() }
        return try result.get()
    }

    /// AMQP does not say when a subscription becomes the active one: its first delivery does.
    private mutating func claimed() async throws -> LaneClaim {
        if let claim { return claim }
        let claim = try await patiently { () throws(StoreError) in
            try await mover.database.claimLane(mover.layout.mover, worker: mover.worker)
        }
        // Only now: the epoch is open, so these queues are not those of one that is over.
        let channel = try await mover.consuming.connection().openChannel()
        do throws(BrokerError) {
            try await channel.declareLanes(mover.layout, of: mover.spec)
        } catch {
            await channel.close()
            throw error
        }
        await channel.close()
        self.claim = claim
        mover.counters.update(mover.layout.mover, Heartbeat.Counters(), isOwned: true)
        mover.logger.info("moving the intake into \(mover.layout.lanes) lanes", metadata: ["term": "\(claim.term)"])
        return claim
    }

    private mutating func move(_ batch: MoverBatch, _ claim: LaneClaim) async throws {
        for wave in batch.waves { try await publish(wave) }
        let database = mover.database
        try await patiently { () throws(StoreError) in try await database.confirmLane(claim) }
        try await deliveries.channel.ack(AckSet(upTo: batch.lastTag))
    }

    /// Publishes until all of it is confirmed. What the broker refused goes again, and what may have been lost with a
    /// connection too; nothing of the next wave is out meanwhile.
    private mutating func publish(_ wave: [Publication]) async throws {
        var wave = wave
        while !wave.isEmpty {
            do throws(BrokerError) {
                let outcomes = try await Self.publish(wave, on: openPublisher())
                var rest: [Publication] = []
                for (publication, outcome) in zip(wave, outcomes) where outcome != .confirmed {
                    if case .returned = outcome {
                        mover.logger.warning("a lane's queue is gone", metadata: ["queue": "\(publication.routingKey)"])
                        throw BrokerError(.notFound, "the queue \(publication.routingKey) is gone")
                    }
                    rest.append(publication)
                }
                wave = rest
                if wave.isEmpty { return }
                mover.logger.warning("the broker did not take \(wave.count) updates into their lanes; trying again")
            } catch {
                if error.code == .notFound { throw error }
                mover.logger.warning("the mover cannot publish: \(error)")
            }
            try await pause()
        }
    }

    /// A publication that is out cannot be called back; cancelled, it ends with its channel.
    private static func publish(
        _ wave: [Publication], on publisher: Publisher
    ) async throws(BrokerError) -> [PublishOutcome] {
        let result = await withTaskCancellationHandler { () async -> Result<[PublishOutcome], BrokerError> in
            do throws(BrokerError) {
                return .success(try await publisher.publish(wave))
            } catch {
                return .failure(error)
            }
        } onCancel: {
            Task { await publisher.close() }
        }
        return try result.get()
    }

    private mutating func openPublisher() async throws(BrokerError) -> Publisher {
        if let publisher, publisher.isOpen { return publisher }
        let fresh = try await Publisher.open(on: mover.publishing.connection())
        publisher = fresh
        return fresh
    }

    /// Asks the database again while it is away. What was published need not be published again for that.
    private func patiently<Value>(_ call: () async throws(StoreError) -> Value) async throws -> Value {
        while true {
            do throws(StoreError) {
                return try await call()
            } catch {
                switch error.code {
                case .sealed, .fenced, .cancelled, .shutDown, .constraint: throw error
                default: mover.logger.warning("database: \(error)")
                }
            }
            try await pause()
        }
    }

    private func pause() async throws {
        try checkStop()
        let stop = stop
        await withDeadline(Mover.pause) { await stop.wait() }
        try checkStop()
    }
}
