import Broker
import FleetControl
import FleetModel
import Logging

/// Kills supervised workers that hang, so that the supervisor starts them again and the broker gives their lanes away.
actor HangGuard {
    private let roster: RosterKeeper
    private let supervisor: Supervisor
    private let broadcaster: Broadcaster
    private let publisher: ControlPublisher
    private let probe: Publication
    private let logger: Logger
    private var watch = HangWatch()

    init(
        roster: RosterKeeper, supervisor: Supervisor, broadcaster: Broadcaster, publisher: ControlPublisher,
        incarnation: Incarnation, logger: Logger
    ) {
        self.roster = roster
        self.supervisor = supervisor
        self.broadcaster = broadcaster
        self.publisher = publisher
        // The way a heartbeat goes. It is none itself, so it is passed over.
        probe = Publication(
            routingKey: FleetTopology.heartbeatQueue(of: incarnation), body: [], persistent: false)
        self.logger = logger
    }

    /// Call it every second.
    func look() async {
        let carries = await brokerCarries()
        let (workers, processes) = (await roster.presences(), await supervisor.statuses())
        for hung in watch.look(workers, processes, brokerCarries: carries, now: .now) {
            logger.warning("killed: no heartbeat", metadata: ["name": "\(hung.name)", "pid": "\(hung.pid)"])
            await supervisor.kill(hung)
        }
    }

    /// Whether a message can go out (a broker under an alarm takes none, heartbeats neither) and a queue for it is there.
    private func brokerCarries() async -> Bool {
        guard await broadcaster.isConnected else { return false }
        return (try? await publisher.publish([probe]))?.first?.isConfirmed ?? false
    }
}
