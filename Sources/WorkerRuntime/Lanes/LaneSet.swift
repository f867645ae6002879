import FleetModel
import Store

/// How a lane's or a mover's runner ended.
enum LaneEnding: Sendable, Equatable {
    /// It was told to leave, or was cancelled.
    case left
    /// The lane is sealed: nobody serves it any more.
    case over
}

/// What one worker serves of one bot, without any I/O: told of plans and of runners that ended, it says which to start
/// and which to let go.
///
/// A worker subscribes to what it owns and to what it is the standby of. What nobody is named for it serves as if it
/// were its own, so a fleet without a coordinator works.
struct LaneSet {
    enum Action: Equatable {
        case start(LaneKey, LaneLayout, LaneDuty)
        case leave(LaneKey)
        /// The runner goes on, with another duty.
        case assign(LaneKey, LaneDuty)
    }

    private enum Phase: Equatable {
        case running(LaneDuty)
        case leaving
    }

    /// The worker's name.
    let worker: String
    private var plan: LanePlan?
    private var runners: [LaneKey: Phase] = [:]
    /// Lanes of the present epoch that are sealed.
    private var over: Set<LaneKey> = []
    private var isDraining = false

    init(worker: String) { self.worker = worker }

    /// Nothing runs.
    var isEmpty: Bool { runners.isEmpty }
    /// The layout is about to change: the next epoch is waited for.
    var isChanging: Bool { plan.map { $0.layout.state == .closing } ?? true || !over.isEmpty }
    /// Changes are looked for without being told. A bot with one lane hears of them when they concern it: from the
    /// coordinator, from a seal, or from a claim that is refused.
    var isWatched: Bool { isChanging || plan.map { $0.layout.lanes > 1 } ?? true }

    mutating func planned(_ fresh: LanePlan) -> [Action] {
        // Epochs only grow; an older plan was read before and came late.
        if let plan, fresh.layout.epoch < plan.layout.epoch { return [] }
        plan = fresh
        over = over.filter { $0.epoch == fresh.layout.epoch }
        return adjust()
    }

    mutating func ended(_ key: LaneKey, _ ending: LaneEnding) -> [Action] {
        runners[key] = nil
        if ending == .over, key.epoch == plan?.layout.epoch { over.insert(key) }
        return adjust()
    }

    /// Lets all go, for good.
    mutating func drain() -> [Action] {
        isDraining = true
        return adjust()
    }

    /// What this worker should be subscribed to now, and as what.
    private var wanted: [LaneKey: LaneDuty] {
        guard let plan, !isDraining else { return [:] }
        let layout = plan.layout
        var keys = layout.keys
        // While an epoch ends nothing is moved into its lanes.
        if layout.hasMover, layout.state == .open { keys.append(layout.mover) }
        let named = Dictionary(plan.assignments.map { ($0.key, $0) }, uniquingKeysWith: { $1 })
        var wanted: [LaneKey: LaneDuty] = [:]
        for key in keys where !over.contains(key) {
            if let assignment = named[key] {
                guard assignment.owner == worker || assignment.standby == worker else { continue }
                wanted[key] = assignment.owner == worker ? .owner : .standby
            } else {
                wanted[key] = .unassigned
            }
        }
        return wanted
    }

    private mutating func adjust() -> [Action] {
        guard let plan else { return [] }
        let wanted = wanted
        var actions: [Action] = []
        for (key, phase) in runners.sorted(by: { $0.key < $1.key }) {
            guard case .running(let before) = phase else { continue }
            switch wanted[key] {
            case nil:
                runners[key] = .leaving
                actions.append(.leave(key))
            case .some(let duty) where duty != before:
                runners[key] = .running(duty)
                actions.append(.assign(key, duty))
            default: break
            }
        }
        // One that is leaving and wanted again starts when it has left.
        for (key, duty) in wanted.sorted(by: { $0.key < $1.key }) where runners[key] == nil {
            runners[key] = .running(duty)
            actions.append(.start(key, plan.layout, duty))
        }
        return actions
    }
}

extension LaneKey {
    fileprivate static func < (left: LaneKey, right: LaneKey) -> Bool {
        (left.epoch, left.number) < (right.epoch, right.number)
    }
}
