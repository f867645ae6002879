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
