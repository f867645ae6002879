import Broker
import FleetModel

extension BrokerChannel {
    /// Declares a bot's intake, and beside it the place for what the broker itself gives up on. The same again has no
    /// effect.
    public func declareIntake(of spec: BotSpec) async throws(BrokerError) {
        let dead = FleetTopology.brokerDeadQueue(of: spec.id)
        try await declareExchange(FleetTopology.deadLetterExchange, type: .direct)
        try await declareQueue(dead, QueueArguments(.init(spec.queue)))
        try await bindQueue(dead, to: FleetTopology.deadLetterExchange, routingKey: spec.id.rawValue)
        try await declareBotQueue(FleetTopology.intakeQueue(of: spec.id), spec)
    }

    /// Declares the queues that a layout's lanes consume, the intake before them. Those of several lanes are like the
    /// intake: one active consumer, and a full one refuses.
    public func declareLanes(_ layout: LaneLayout, of spec: BotSpec) async throws(BrokerError) {
        try await declareIntake(of: spec)
        if layout.lanes == 1 { return }
        for key in layout.keys {
            try await declareBotQueue(FleetTopology.queue(of: key, laneCount: layout.lanes), spec)
        }
    }

    /// Declares what one lane consumes.
    public func declareLane(_ key: LaneKey, _ layout: LaneLayout, of spec: BotSpec) async throws(BrokerError) {
        try await declareIntake(of: spec)
        if layout.lanes > 1 { try await declareBotQueue(FleetTopology.queue(of: key, laneCount: layout.lanes), spec) }
    }

    /// Deletes the lanes' queues of an epoch that is over, with what stale movers left in them. The intake stays.
    public func deleteLanes(_ layout: LaneLayout) async throws(BrokerError) {
        if layout.lanes == 1 { return }
        for key in layout.keys { try await deleteQueue(FleetTopology.queue(of: key, laneCount: layout.lanes)) }
    }

    private func declareBotQueue(_ name: String, _ spec: BotSpec) async throws(BrokerError) {
        try await declareIntakeQueue(
            name: name,
            quorum: spec.queue == .quorum,
            deadLetterExchange: FleetTopology.deadLetterExchange,
            deadLetterRoutingKey: spec.id.rawValue
        )
    }
}

extension Publisher {
    /// Ends an epoch: publishes a seal into each queue that its lanes consume, and waits for the confirms. Twice does no
    /// harm: a seal of an epoch that is over is dropped by whoever meets it.
    /// - Returns: the queues that hold no seal yet; empty when all do.
    public func publishSeals(_ layout: LaneLayout) async throws(BrokerError) -> [String] {
        let queues = layout.keys.map { FleetTopology.queue(of: $0, laneCount: layout.lanes) }
        let outcomes = try await publish(
            queues.map {
                Publication(
                    routingKey: $0, body: [], headers: [FleetTopology.sealHeader: .int(Int64(layout.epoch))])
            })
        return zip(queues, outcomes).filter { $1 != .confirmed }.map(\.0)
    }
}

extension QueueArguments.Kind {
    init(_ kind: QueueKind) {
        switch kind {
        case .quorum: self = .quorum
        case .classic: self = .classic
        }
    }
}
