import Broker
import FleetModel

extension BrokerChannel {
    /// Declares a bot's intake, and beside it the place for what the broker itself gives up on. The same again has no
    /// effect.
    public func declareIntake(of spec: BotSpec) async throws(BrokerError) {
        let dead = FleetTopology.brokerDeadQueue(of: spec.id)
        let key = spec.id.rawValue
        try await declareExchange(FleetTopology.deadLetterExchange, type: .direct)
        try await declareQueue(dead, QueueArguments(.init(spec.queue)))
        try await bindQueue(dead, to: FleetTopology.deadLetterExchange, routingKey: key)
        try await declareIntakeQueue(
            name: FleetTopology.intakeQueue(of: spec.id),
            quorum: spec.queue == .quorum,
            deadLetterExchange: FleetTopology.deadLetterExchange,
            deadLetterRoutingKey: key
        )
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
