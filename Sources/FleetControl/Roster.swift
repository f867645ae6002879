public import FleetModel

/// Every worker heard of, by incarnation: a value without clock or I/O. It holds at most ``Limits/workers`` entries.
public struct Roster: Sendable {
    public struct Limits: Sendable {
        /// Entries kept; heartbeats of further workers are refused.
        public var workers = 20_000
        /// A worker unheard of for this long is late.
        public var lateAfter = Heartbeat.lateAfter
        /// A late or dead worker is shown for this long after its last heartbeat.
        public var forgetAfter: Duration = .seconds(60)
        /// A worker behind the present generation is reminded no more often than this.
        public var remindEvery: Duration = .seconds(2)
        /// A fresh generation gets this long to arrive by the broadcast before anybody is reminded.
        public var grace: Duration = .seconds(1)
        public init() {}
    }

    /// What a heartbeat changed.
    public enum Event: Sendable, Equatable {
        case joined(WorkerIdentity)
        /// Said goodbye.
        case left(WorkerIdentity)
        /// A newer incarnation of the same name speaks, so this one is gone.
        case superseded(WorkerIdentity)
        /// Runs an older generation (or another history) and should reread the config.
        case behind(WorkerIdentity)
        /// The roster is full.
        case refused(WorkerIdentity)
    }

    private enum Death: Sendable {
        case exited, superseded
    }

    private struct Entry: Sendable {
        var heartbeat: Heartbeat
        var heard: ContinuousClock.Instant
        var reminded: ContinuousClock.Instant?
        var death: Death?
        var changed = true
    }

    private let limits: Limits
    private var entries: [Incarnation: Entry] = [:]
    /// The newest incarnation of each name.
    private var newest: [String: Incarnation] = [:]
    /// Goodbyes not yet handed to the database; at most ``Limits/workers``.
    private var departures: [Heartbeat] = []
    private var generation: (number: Int64, hash: String, since: ContinuousClock.Instant)?

    public init(limits: Limits = Limits()) { self.limits = limits }

    public var count: Int { entries.count }

    /// The generation workers should run from now on.
    public mutating func setGeneration(_ number: Int64, hash: String, now: ContinuousClock.Instant) {
        if let generation, generation.number >= number { return }
        generation = (number, hash, now)
    }

    public mutating func heard(_ heartbeat: Heartbeat, now: ContinuousClock.Instant) -> [Event] {
        let worker = heartbeat.worker
        if heartbeat.state == .stopped {
            guard entries[worker.incarnation] != nil else { return [] }
            remove(worker)
            if departures.count < limits.workers { departures.append(heartbeat) }
            return [.left(worker)]
        }
        var events: [Event] = []
        if var entry = entries[worker.incarnation] {
            // Its process ended; this heartbeat was still on its way.
            if entry.death == .exited { return [] }
            entry.heartbeat = heartbeat
            entry.heard = now
            entry.death = nil
            entry.changed = true
            entries[worker.incarnation] = entry
        } else {
            guard entries.count < limits.workers else { return [.refused(worker)] }
            entries[worker.incarnation] = Entry(heartbeat: heartbeat, heard: now)
            events.append(.joined(worker))
            events += supersede(by: heartbeat)
        }
        if isBehind(heartbeat, now: now) {
            entries[worker.incarnation]?.reminded = now
            events.append(.behind(worker))
        }
        return events
    }

    private mutating func supersede(by heartbeat: Heartbeat) -> [Event] {
        let worker = heartbeat.worker
        guard let previous = newest[worker.name], let old = entries[previous] else {
            newest[worker.name] = worker.incarnation
            return []
        }
        // Heartbeats of two lives of a name may cross; the later start is the present one.
        guard old.heartbeat.startedAt <= heartbeat.startedAt else { return [] }
        newest[worker.name] = worker.incarnation
        guard old.death == nil else { return [] }
        entries[previous]?.death = .superseded
        entries[previous]?.changed = true
        return [.superseded(old.heartbeat.worker)]
    }

    private func isBehind(_ heartbeat: Heartbeat, now: ContinuousClock.Instant) -> Bool {
        guard let generation, generation.since.duration(to: now) >= limits.grace else { return false }
        let same = heartbeat.generation == generation.number && heartbeat.generationHash == generation.hash
        guard !same, heartbeat.generation <= generation.number else { return false }
        guard let reminded = entries[heartbeat.worker.incarnation]?.reminded else { return true }
        return reminded.duration(to: now) >= limits.remindEvery
    }

    /// A process ended. Returns the worker that it was, if it had been heard of.
    public mutating func exited(name: String, pid: Int32) -> WorkerIdentity? {
        for (incarnation, entry) in entries
        where entry.heartbeat.worker.name == name && entry.heartbeat.pid == pid && entry.death == nil {
            entries[incarnation]?.death = .exited
            entries[incarnation]?.changed = true
            return entry.heartbeat.worker
        }
        return nil
    }

    /// Forgets those unheard of for long. Call it every few seconds. Returns who was forgotten.
    public mutating func expire(now: ContinuousClock.Instant) -> [WorkerIdentity] {
        let gone = entries.values.filter { $0.heard.duration(to: now) > limits.forgetAfter }.map(\.heartbeat.worker)
        for worker in gone { remove(worker) }
        return gone
    }

    private mutating func remove(_ worker: WorkerIdentity) {
        entries[worker.incarnation] = nil
        if newest[worker.name] == worker.incarnation { newest[worker.name] = nil }
    }

    private func health(of entry: Entry, now: ContinuousClock.Instant) -> WorkerView.Health {
        if entry.death != nil { return .dead }
        return entry.heard.duration(to: now) > limits.lateAfter ? .late : .live
    }

    /// Everybody, by name; but not the silent whose name has a newer incarnation: they are replaced.
    public func views(now: ContinuousClock.Instant) -> [WorkerView] {
        entries.values
            .filter { health(of: $0, now: now) == .live || isNewest($0.heartbeat.worker) }
            .map { WorkerView(heartbeat: $0.heartbeat, health: health(of: $0, now: now), restarts: nil) }
            .sorted { $0.heartbeat.worker.description < $1.heartbeat.worker.description }
    }

    private func isNewest(_ worker: WorkerIdentity) -> Bool { newest[worker.name] == worker.incarnation }

    /// A worker as it was last heard of.
    public struct Presence: Sendable {
        public var heartbeat: Heartbeat
        /// Since its last heartbeat came.
        public var silence: Duration
        /// Its process is known to have ended.
        public var isDead: Bool

        public init(heartbeat: Heartbeat, silence: Duration, isDead: Bool) {
            self.heartbeat = heartbeat
            self.silence = silence
            self.isDead = isDead
        }
    }

    /// Everybody, in no order.
    public func presences(now: ContinuousClock.Instant) -> [Presence] {
        entries.values.map {
            Presence(heartbeat: $0.heartbeat, silence: $0.heard.duration(to: now), isDead: $0.death != nil)
        }
    }

    /// Whether the worker speaks and its process is not known to have ended.
    public func isHeardOf(_ incarnation: Incarnation, now: ContinuousClock.Instant) -> Bool {
        entries[incarnation].map { health(of: $0, now: now) == .live } ?? false
    }

    /// The workers, not known to be dead, that run at least one bot that `covers` says is meant.
    public func expected(where covers: (BotID) -> Bool) -> [Tally.Expected] {
        entries.values.compactMap { entry in
            guard entry.death == nil else { return nil }
            let bots = entry.heartbeat.bots.filter(covers)
            return bots.isEmpty ? nil : Tally.Expected(worker: entry.heartbeat.worker, bots: bots)
        }
    }

    /// What changed since the last call, for the database: heartbeats, each with whether the worker is dead.
    public mutating func takeChanges() -> [(heartbeat: Heartbeat, isDead: Bool)] {
        var changes = departures.map { (heartbeat: $0, isDead: false) }
        departures.removeAll()
        for (incarnation, entry) in entries where entry.changed {
            changes.append((entry.heartbeat, entry.death != nil))
            entries[incarnation]?.changed = false
        }
        return changes
    }
}
