import Broker
import FleetModel
import Logging
import Store

/// A worker's place at a lane: its duty, and what has to be said and asked around a subscription.
struct LanePlace: Sendable {
    let key: LaneKey
    /// What the lane, or the mover, consumes.
    let queue: String
    let role: LaneRole
    let worker: String
    let database: Database
    let publishing: BrokerLink
    let logger: Logger

    /// To be made before the subscription is.
    func handOver() async -> HandOver {
        guard role.duty == .standby, let before = try? await database.ownerSubscriptions(to: key) else {
            return HandOver(before: 0)
        }
        return HandOver(before: before)
    }

    /// To be called when the subscription is made, or when this worker becomes the owner of one that is.
    func subscribed() async {
        guard role.duty == .owner else { return }
        do throws(StoreError) {
            try await database.noteSubscription(to: key, owner: worker)
        } catch {
            // A standby that works goes on until the next subscription then.
            logger.warning("the subscription is not noted: \(error)")
        }
    }

    func isDue(_ handOver: HandOver) async -> Bool {
        guard role.duty == .standby, let count = try? await database.ownerSubscriptions(to: key) else { return false }
        return handOver.isDue(role.duty, now: count)
    }

    /// Nobody owns a lane before its first delivery, because AMQP does not say who is active. Where a predecessor left
    /// messages or updates in the database and nothing is in the queue, that would be never: so a message that means
    /// nothing is put into it. Whoever is active gets it, claims the lane, and finds what was left.
    func wake() async {
        guard key.number != LaneLayout.moverNumber else { return }
        do {
            guard try await database.isUnfinished(key) else { return }
            let publisher = try await Publisher.open(on: publishing.connection())
            let wake = Publication(routingKey: queue, body: [], headers: [FleetTopology.wakeHeader: true])
            let outcome = try await publisher.publish(wake)
            await publisher.close()
            logger.debug(
                "woke the lane's owner: something is left in the database", metadata: ["outcome": "\(outcome)"])
        } catch {
            logger.warning("cannot see whether something of the lane is left: \(error)")
        }
    }
}
