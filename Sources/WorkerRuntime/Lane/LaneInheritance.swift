import Broker
import FleetModel
import Store

/// Takes over what a dead owner left in the database when the queue has nothing to deliver.
///
/// AMQP does not announce that a consumer became the active one: a worker learns it from its first delivery, and claims
/// the lane then. If everything was acked before the owner died there is none, and parked updates and unsent messages
/// would wait for the next message of a user. So a subscription that gets nothing looks whether something was left by an
/// owner that is gone, and claims the lane. Should another worker be the active consumer after all, its claim at the
/// next delivery fences this one, which then stands in line again.
struct LaneInheritance: Sendable {
    let key: LaneKey
    let role: LaneRole
    let worker: WorkerIdentity
    let database: Database

    /// After subscribing, for a first delivery to come.
    static let patience: Duration = .seconds(1)
    /// Between looks at this worker's duty, and at the database while something is left.
    static let interval: Duration = .seconds(3)
    /// Between looks at the database otherwise. An idle bot should not hold a connection.
    static let restInterval: Duration = .seconds(300)
    /// An owner on another machine that is unheard of for so long is taken for dead.
    static let silence: Duration = .seconds(15)

    /// Returns when the lane is to be claimed, or something was delivered; throws when it was cancelled.
    /// - Returns: whether to claim.
    func wait(_ pulse: LanePulse) async throws -> Bool {
        try await Task.sleep(for: Self.patience)
        var rested = Self.restInterval
        var duty = role.duty
        while !pulse.hasArrived {
            if rested >= Self.restInterval || role.duty != duty {
                duty = role.duty
                rested = .zero
                switch await look(duty) {
                case .mine: return true
                case .nothing: break
                case .somebodys: rested = Self.restInterval
                }
            }
            try await Task.sleep(for: Self.interval)
            rested += Self.interval
        }
        return false
    }

    private enum Finding {
        case nothing, mine
        /// Somebody's who may live, or nobody knows: asked again soon.
        case somebodys
    }

    private func look(_ duty: LaneDuty) async -> Finding {
        let leftovers: (owner: Incarnation, isAny: Bool)?
        do throws(StoreError) {
            leftovers = try await database.leftovers(of: key)
        } catch {
            return .somebodys
        }
        guard let leftovers, leftovers.isAny else { return .nothing }
        if duty == .standby { return .somebodys }
        return await isGone(leftovers.owner) ? .mine : .somebodys
    }

    private func isGone(_ owner: Incarnation) async -> Bool {
        if owner == worker.incarnation { return true }
        guard let record = try? await database.worker(owner) else { return false }
        if record.state == .stopped { return true }
        if LocalProcess.isOnThisMachine(record.heartbeat?.machine) {
            return LocalProcess.isKnownDead(
                pid: record.pid, machine: record.heartbeat?.machine, startTicks: record.heartbeat?.startTicks)
        }
        return .milliseconds(record.silentMilliseconds) > Self.silence
    }
}

extension Lane {
    /// What a dead owner left is there to be worked off, and nothing was delivered yet.
    mutating func inherit() {
        if ownership == .unclaimed, !isDraining { ownership = .wanted }
    }
}

extension LaneRunner {
    func startInheriting(_ subscription: LaneSubscription, _ pulse: LanePulse) -> Task<Void, Never> {
        let inheritance = LaneInheritance(key: key, role: role, worker: worker, database: database)
        let mailbox = mailbox
        return Task {
            guard (try? await inheritance.wait(pulse)) == true else { return }
            mailbox.post(.inherit(subscription.number))
        }
    }
}
