import EventLoop

/// The life of one supervised process: a value that is told what happened and returns what to do.
///
/// A process that ends by itself is started again: at once the first time, then after 50 ms, doubling with jitter up to
/// 30 s. A minute of running resets that. To stop one, SIGTERM comes first and SIGKILL after ``stopDeadline``.
struct ManagedProcess: Sendable {
    enum State: Sendable, Equatable {
        case idle
        /// Asked to be spawned in this turn.
        case spawning
        case running(pid: Int32, since: ContinuousClock.Instant)
        case waiting(until: ContinuousClock.Instant)
        case stopping(pid: Int32, killAt: ContinuousClock.Instant, killed: Bool)
    }

    enum Action: Sendable, Equatable {
        case spawn
        case terminate(pid: Int32)
        case kill(pid: Int32)
        /// Call ``timer(now:)`` then.
        case wake(at: ContinuousClock.Instant)
    }

    /// A run this long counts as healthy.
    static let stableAfter: Duration = .seconds(60)

    private(set) var state: State = .idle
    private(set) var isWanted = false
    /// Starts after the first one, whatever ended the run before.
    private(set) var restarts = 0
    let stopDeadline: Duration
    private var backoff = Backoff(floor: .milliseconds(50), cap: .seconds(30))
    private var failures = 0
    private var hasStarted = false

    init(stopDeadline: Duration) { self.stopDeadline = stopDeadline }

    /// Neither there nor wanted.
    var isFinished: Bool { state == .idle && !isWanted }

    var pid: Int32? {
        switch state {
        case .running(let pid, _), .stopping(let pid, _, _): pid
        case .idle, .spawning, .waiting: nil
        }
    }

    /// Sets whether it should run.
    mutating func want(_ wanted: Bool, now: ContinuousClock.Instant) -> [Action] {
        isWanted = wanted
        switch (wanted, state) {
        case (true, .idle): return spawn()
        case (false, .running(let pid, _)): return stop(pid, now: now)
        case (false, .waiting), (false, .spawning):
            state = .idle
            return []
        default: return []
        }
    }

    /// Stops it and starts it anew, without counting a failure.
    mutating func restart(now: ContinuousClock.Instant) -> [Action] {
        guard isWanted else { return [] }
        forgiveFailures()
        switch state {
        case .running(let pid, _): return stop(pid, now: now)
        case .waiting: return spawn()
        case .idle, .spawning, .stopping: return []
        }
    }

    /// It runs: spawned just now, or found running and adopted.
    mutating func started(pid: Int32, now: ContinuousClock.Instant) -> [Action] {
        if hasStarted { restarts += 1 }
        hasStarted = true
        guard isWanted else { return stop(pid, now: now) }
        state = .running(pid: pid, since: now)
        return []
    }

    mutating func failedToStart(now: ContinuousClock.Instant) -> [Action] {
        guard isWanted else {
            state = .idle
            return []
        }
        return wait(now: now)
    }

    /// The process ended, for whatever reason.
    mutating func exited(now: ContinuousClock.Instant) -> [Action] {
        switch state {
        case .running(_, let since):
            if since.duration(to: now) >= Self.stableAfter { forgiveFailures() }
            failures += 1
            return failures == 1 ? spawn() : wait(now: now)
        case .stopping where isWanted: return spawn()
        case .stopping:
            state = .idle
            return []
        case .idle, .spawning, .waiting: return []
        }
    }

    /// A moment asked for by ``Action/wake(at:)`` has come; stale ones change nothing.
    mutating func timer(now: ContinuousClock.Instant) -> [Action] {
        switch state {
        case .waiting(let until) where now >= until: return spawn()
        case .stopping(let pid, let killAt, false) where now >= killAt:
            state = .stopping(pid: pid, killAt: killAt, killed: true)
            return [.kill(pid: pid)]
        default: return []
        }
    }

    private mutating func spawn() -> [Action] {
        state = .spawning
        return [.spawn]
    }

    private mutating func wait(now: ContinuousClock.Instant) -> [Action] {
        let until = now + backoff.next()
        state = .waiting(until: until)
        return [.wake(at: until)]
    }

    private mutating func stop(_ pid: Int32, now: ContinuousClock.Instant) -> [Action] {
        let killAt = now + stopDeadline
        state = .stopping(pid: pid, killAt: killAt, killed: false)
        return [.terminate(pid: pid), .wake(at: killAt)]
    }

    private mutating func forgiveFailures() {
        failures = 0
        backoff.reset()
    }
}
