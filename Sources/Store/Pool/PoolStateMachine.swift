import DequeModule

/// The life of a pool's connections and of the callers that wait for one. It does no I/O: each event returns what has to
/// be done, and time comes in from outside.
struct PoolStateMachine {
    typealias ConnectionID = Int
    typealias WaiterID = UInt64
    typealias Instant = ContinuousClock.Instant

    struct Limits {
        var minimum: Int
        var maximum: Int
        var waiters: Int
        var idleTimeout: Duration
        var healthCheckAfter: Duration
    }

    enum Action: Equatable {
        case connect(ConnectionID)
        /// Ask an idle connection for a sign of life, then report `checked` or `lost`.
        case check(ConnectionID)
        case close(ConnectionID)
        case grant(WaiterID, ConnectionID)
        case fail(WaiterID, Failure)
        /// After `shutDown`: the last connection is closed.
        case finished
    }

    enum Failure: Equatable {
        case deadline, unreachable, shutDown
    }

    enum Acquisition: Equatable {
        case granted(ConnectionID)
        /// The waiter is told later by an action.
        case queued([Action])
        case refused(Refusal)
    }

    enum Refusal: Equatable {
        case tooManyWaiters, shutDown
    }

    private enum Phase: Equatable {
        case connecting, checking, leased
        case idle(since: Instant)
    }

    private struct Waiter {
        let id: WaiterID
        let deadline: Instant
    }

    private let limits: Limits
    private var phases: [ConnectionID: Phase] = [:]
    /// The one used last is at the end and is used again first, so that surplus ones grow old.
    private var idle: [ConnectionID] = []
    private var waiters: Deque<Waiter> = []
    private var lastID = 0
    /// After a failed connect: not before this.
    private var retryAt: Instant?
    private var isShutDown = false

    init(_ limits: Limits) { self.limits = limits }

    var connectionCount: Int { phases.count }
    var idleCount: Int { idle.count }
    var waiterCount: Int { waiters.count }

    // MARK: Callers

    /// - Parameter deadline: not earlier than that of any waiter before.
    mutating func acquire(_ waiter: WaiterID, deadline: Instant, now: Instant) -> Acquisition {
        if isShutDown { return .refused(.shutDown) }
        if waiters.isEmpty, let id = idle.popLast(), case .idle(let since) = phases[id] {
            if since.duration(to: now) < limits.healthCheckAfter {
                phases[id] = .leased
                return .granted(id)
            }
            phases[id] = .checking
            waiters.append(Waiter(id: waiter, deadline: deadline))
            return .queued([.check(id)])
        }
        if waiters.count >= limits.waiters { return .refused(.tooManyWaiters) }
        waiters.append(Waiter(id: waiter, deadline: deadline))
        return .queued(connectAsNeeded(now))
    }

    /// - Returns: whether it was still waiting; it is told nothing more.
    mutating func cancel(_ waiter: WaiterID) -> Bool {
        guard let index = waiters.firstIndex(where: { $0.id == waiter }) else { return false }
        waiters.remove(at: index)
        return true
    }

    mutating func released(_ id: ConnectionID, reusable: Bool, now: Instant) -> [Action] {
        guard phases[id] == .leased else { return [] }
        if isShutDown || !reusable { return drop(id) + connectAsNeeded(now) }
        return offer(id, now)
    }

    // MARK: Connections

    mutating func connected(_ id: ConnectionID, now: Instant) -> [Action] {
        guard phases[id] == .connecting else { return [] }
        retryAt = nil
        return offer(id, now) + connectAsNeeded(now)
    }

    /// Callers must not hang on a server that is not there: without any connection left, all waiters fail at once.
    mutating func connectFailed(_ id: ConnectionID, retryAfter: Duration, now: Instant) -> [Action] {
        guard phases[id] == .connecting else { return [] }
        phases[id] = nil
        retryAt = now + retryAfter
        guard phases.isEmpty else { return [] }
        let actions = waiters.map { Action.fail($0.id, .unreachable) }
        waiters.removeAll()
        return actions
    }

    mutating func checked(_ id: ConnectionID, now: Instant) -> [Action] {
        guard phases[id] == .checking else { return [] }
        return offer(id, now)
    }

    /// An idle or checked connection is gone. A leased one is reported by `released`.
    mutating func lost(_ id: ConnectionID, now: Instant) -> [Action] {
        switch phases[id] {
        case .idle: idle.removeAll { $0 == id }
        case .checking: break
        case .connecting, .leased, nil: return []
        }
        return drop(id) + connectAsNeeded(now)
    }

    // MARK: Time

    /// When `tick` has to be called next.
    var nextDeadline: Instant? {
        var next = waiters.first?.deadline
        func consider(_ instant: Instant) { next = next.map { min($0, instant) } ?? instant }
        if phases.count > limits.minimum, let oldest = idle.first, case .idle(let since) = phases[oldest] {
            consider(since + limits.idleTimeout)
        }
        if let retryAt, wantsConnections { consider(retryAt) }
        return next
    }

    mutating func tick(now: Instant) -> [Action] {
        var actions: [Action] = []
        while let waiter = waiters.first, waiter.deadline <= now {
            waiters.removeFirst()
            actions.append(.fail(waiter.id, .deadline))
        }
        while phases.count > limits.minimum, let oldest = idle.first, case .idle(let since) = phases[oldest],
            since + limits.idleTimeout <= now
        {
            idle.removeFirst()
            actions += drop(oldest)
        }
        return actions + connectAsNeeded(now)
    }

    /// Opens the minimum.
    mutating func start(now: Instant) -> [Action] { connectAsNeeded(now) }

    mutating func shutDown() -> [Action] {
        if isShutDown { return [] }
        isShutDown = true
        var actions = waiters.map { Action.fail($0.id, .shutDown) }
        waiters.removeAll()
        idle.removeAll()
        for (id, phase) in phases where phase != .leased {
            phases[id] = nil
            actions.append(.close(id))
        }
        if phases.isEmpty { actions.append(.finished) }
        return actions
    }

    // MARK: Inside

    private var wantsConnections: Bool {
        !isShutDown && phases.count < limits.maximum
            && (coming < waiters.count || phases.count < limits.minimum)
    }

    private var coming: Int { phases.values.count { $0 == .connecting || $0 == .checking } }

    /// One connection for each waiter that none is coming for, within the maximum; after a failure one at a time.
    private mutating func connectAsNeeded(_ now: Instant) -> [Action] {
        guard wantsConnections else { return [] }
        if let retryAt, retryAt > now || phases.values.contains(.connecting) { return [] }
        var actions: [Action] = []
        repeat {
            lastID += 1
            phases[lastID] = .connecting
            actions.append(.connect(lastID))
        } while wantsConnections && retryAt == nil
        return actions
    }

    private mutating func offer(_ id: ConnectionID, _ now: Instant) -> [Action] {
        if let waiter = waiters.popFirst() {
            phases[id] = .leased
            return [.grant(waiter.id, id)]
        }
        phases[id] = .idle(since: now)
        idle.append(id)
        return []
    }

    private mutating func drop(_ id: ConnectionID) -> [Action] {
        phases[id] = nil
        return isShutDown && phases.isEmpty ? [.close(id), .finished] : [.close(id)]
    }
}
