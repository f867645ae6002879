import FleetModel
import Store
import Synchronization

/// What a worker is for a lane it is subscribed to.
enum LaneDuty: Int, Sendable {
    /// Nobody is named for the lane; all who are there serve it.
    case unassigned
    case owner
    case standby
}

/// A worker's duty for a lane as of now. Read by the watch over its subscription.
final class LaneRole: Sendable {
    private let value: Atomic<Int>

    init(_ duty: LaneDuty) { value = Atomic(duty.rawValue) }

    var duty: LaneDuty {
        get { LaneDuty(rawValue: value.load(ordering: .relaxed)) ?? .unassigned }
        set { value.store(newValue.rawValue, ordering: .relaxed) }
    }
}

/// When a standby that works on a lane gives it to the owner: the owner has subscribed after it, so it stands in line
/// behind it. RabbitMQ counts only the active consumer of a quorum queue, so the owner says so in the database.
///
/// An owner never leaves, and one useless departure (the owner has died since) is the last: the standby takes the count
/// again before it subscribes. So a lane does not go back and forth.
struct HandOver {
    /// The owner's subscriptions before this one.
    let before: Int64

    func isDue(_ duty: LaneDuty, now: Int64) -> Bool { duty == .standby && now > before }

    /// How often a standby that works asks.
    static let interval: Duration = .seconds(3)
    /// Before one that left subscribes again, behind the owner.
    static let pause: Duration = .milliseconds(200)
}

/// A lane as the watch over a subscription and the hand-over see it.
struct LanePlace: Sendable {
    let key: LaneKey
    let role: LaneRole
    let worker: String
    let database: Database

    /// To be made before the subscription is.
    func handOver() async -> HandOver {
        guard role.duty == .standby, let before = try? await database.ownerSubscriptions(to: key) else {
            return HandOver(before: 0)
        }
        return HandOver(before: before)
    }

    /// To be called when the subscription is made, or when this worker becomes the owner of one that is.
    func subscribed() async {
        // A standby that works goes on until the next subscription then.
        if role.duty == .owner { try? await database.noteSubscription(to: key, owner: worker) }
    }

    func isDue(_ handOver: HandOver) async -> Bool {
        guard role.duty == .standby, let count = try? await database.ownerSubscriptions(to: key) else { return false }
        return handOver.isDue(role.duty, now: count)
    }
}
