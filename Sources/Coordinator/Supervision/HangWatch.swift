import FleetControl
import FleetModel

/// Finds supervised workers that hang: the process lives, and its heartbeats have stopped though the broker takes and
/// brings messages. A value without clock or I/O.
struct HangWatch: Sendable {
    /// Three heartbeats and a second.
    static let patience = Heartbeat.interval * 3 + .seconds(1)
    /// Who looks less often than this was held up itself: what came meanwhile is not counted yet.
    static let longestPause: Duration = .seconds(3)

    /// After the broker was away: a worker's connection may wait as long as its backoff and its login take before it is
    /// made anew.
    static let reconnection: Duration = .seconds(20)

    private var lastLook: ContinuousClock.Instant?
    private var wasAway = false
    /// From then on every heartbeat could reach us.
    private var hearingSince: ContinuousClock.Instant?

    /// - Parameter brokerCarries: a message went through the broker just now.
    /// - Returns: the processes to kill; none while heartbeats may be missing for another reason.
    mutating func look(
        _ workers: [Roster.Presence], _ processes: [ProcessStatus], brokerCarries: Bool, now: ContinuousClock.Instant
    ) -> [ProcessExit] {
        let wasHeldUp = lastLook.map { $0.duration(to: now) > Self.longestPause } ?? true
        lastLook = now
        if !brokerCarries || wasHeldUp { hearingSince = nil }
        if !brokerCarries { wasAway = true }
        guard brokerCarries else { return [] }
        guard let hearingSince else {
            self.hearingSince = now
            return []
        }
        if hearingSince.duration(to: now) < (wasAway ? Self.reconnection : Self.patience) { return [] }
        wasAway = false
        let silent = workers.filter { worker in
            !worker.isDead && worker.heartbeat.state != .draining && worker.silence >= Self.patience
        }
        return processes.compactMap { process in
            guard process.isWanted, let pid = process.pid,
                silent.contains(where: { $0.heartbeat.worker.name == process.name && $0.heartbeat.pid == pid })
            else { return nil }
            return ProcessExit(name: process.name, pid: pid)
        }
    }
}
