import BotKit
import Broker
import FleetModel
import HTTPTransport
import Logging
import Store
import Synchronization
import TelegramAPI

/// A bot that this worker serves, and what all its lanes here share. Making one checks what can be wrong with it.
final class ServedBot: Sendable {
    let spec: BotSpec
    let behaviour: any Behaviour
    private let baseURL: String
    private let client: Mutex<TelegramClient>
    let services: LaneServices
    let logger: Logger

    /// - Throws: ``WorkerError`` when there is no such behaviour here, or the token has not the form of one.
    init(
        _ spec: BotSpec, token: Secret, settings: WorkerSettings, services: LaneServices, logger: Logger
    ) throws(WorkerError) {
        guard let behaviour = settings.behaviours.make(spec.behaviour) else {
            let known = settings.behaviours.names.joined(separator: ", ")
            throw WorkerError("bot \(spec.id): this worker has no behaviour '\(spec.behaviour)'; it has \(known)")
        }
        guard let token = BotToken(token) else {
            throw WorkerError("bot \(spec.id): the stored token has not the form of a Telegram token; set it again")
        }
        self.spec = spec
        self.behaviour = behaviour
        baseURL = spec.apiURL ?? settings.telegramURL
        client = Mutex(TelegramClient(token: token, baseURL: baseURL, transport: services.transport))
        self.services = services
        var logger = logger
        logger[metadataKey: "bot"] = "\(spec.id)"
        self.logger = logger
    }

    /// Lanes that start from now on call Telegram with it.
    func use(_ token: BotToken) {
        client.withLock { $0 = TelegramClient(token: token, baseURL: baseURL, transport: services.transport) }
    }

    /// With the token as of now.
    var telegram: TelegramClient { client.withLock { $0 } }

    /// What serves a lane, or moves the intake into the lanes.
    func runner(_ key: LaneKey, _ layout: LaneLayout, _ duty: LaneDuty) -> ServedLane {
        let role = LaneRole(duty)
        var logger = logger
        if layout.hasMover { logger[metadataKey: "lane"] = "\(key.epoch).\(key.number)" }
        if key.number == LaneLayout.moverNumber {
            return .mover(
                Mover(
                    layout: layout, role: role, spec: spec, worker: services.worker, consuming: services.consuming,
                    publishing: services.publishing, database: services.database, counters: services.counters,
                    logger: logger))
        }
        let rate = services.rates.rate(of: spec.id)
        rate.setLanes(layout.lanes)
        return .lane(
            LaneRunner(
                key: key, layout: layout, role: role, spec: spec, worker: services.worker, behaviour: behaviour,
                link: services.consuming, publishing: services.publishing, database: services.database,
                telegram: TelegramExchange(telegram, transport: services.transport), rate: rate,
                counters: services.counters, trials: services.trials, logger: logger))
    }
}

/// What all lanes of a worker share.
struct LaneServices: Sendable {
    let worker: WorkerIdentity
    let consuming: BrokerLink
    /// Another connection: a broker under a memory alarm stops reading from those that publish.
    let publishing: BrokerLink
    let database: Database
    let transport: HTTPTransport
    let rates: FleetRates
    let counters: CounterBoard
    let trials: TrialPool
    let drainDeadline: Duration
}

/// One of the things a ``LaneSet`` starts and lets go.
enum ServedLane: Sendable {
    case lane(LaneRunner)
    case mover(Mover)

    var place: LanePlace {
        switch self {
        case .lane(let lane): lane.place
        case .mover(let mover): mover.place
        }
    }

    /// It stops pulling, finishes what is begun, and ends.
    func leave() {
        switch self {
        case .lane(let lane): lane.mailbox.post(.drain)
        case .mover(let mover): mover.leave()
        }
    }

    func run(config: @Sendable () -> BotConfig, drainDeadline: Duration) async -> LaneEnding {
        switch self {
        case .lane(let lane): await lane.run(config: config(), drainDeadline: drainDeadline)
        case .mover(let mover): await mover.run(config: config)
        }
    }
}
