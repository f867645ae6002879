/// What `--faults` names and the report counts by.
public enum FaultKind: String, Sendable, Codable, CaseIterable, Comparable {
    case restartWorker = "restart-worker"
    case restartGateway = "restart-gateway"
    case restartCoordinator = "restart-coordinator"
    case killWorker = "kill-worker"
    case stopWorker = "stop-worker"
    case killGateway = "kill-gateway"
    case stopGateway = "stop-gateway"
    case killCoordinator = "kill-coordinator"
    case stopCoordinator = "stop-coordinator"
    case stopBroker = "stop-broker"
    case crashBroker = "crash-broker"
    case memoryAlarm = "memory-alarm"
    case cutBroker = "cut-broker"
    case blackholeBroker = "blackhole-broker"
    case slowBroker = "slow-broker"
    case cutWebhooks = "cut-webhooks"
    case blackholeWebhooks = "blackhole-webhooks"
    case stopDatabase = "stop-database"
    case crashDatabase = "crash-database"
    case diskFull = "disk-full"
    case cutDatabase = "cut-database"
    case blackholeDatabase = "blackhole-database"
    case slowDatabase = "slow-database"
    case telegramErrors = "telegram-errors"
    case telegramTimeouts = "telegram-timeouts"
    case telegramFlood = "telegram-flood"
    case telegramBroken = "telegram-broken"
    case clockJump = "clock-jump"
    case changeLanes = "change-lanes"
    case switchIntake = "switch-intake"
    case changeConfig = "change-config"

    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

    /// Takes a server, or the way to it, from everybody: one such fault at a time, and a pause after it, so that the
    /// fleet has a chance.
    public var isOutage: Bool {
        switch self {
        case .stopBroker, .crashBroker, .memoryAlarm, .blackholeBroker, .stopDatabase, .crashDatabase, .diskFull,
            .blackholeDatabase:
            true
        default: false
        }
    }

    /// How often a light kind is drawn, compared with the others.
    var weight: Int {
        switch self {
        case .killWorker: 5
        case .stopWorker, .cutBroker, .cutDatabase, .telegramBroken: 3
        case .restartWorker, .killGateway, .telegramErrors, .telegramTimeouts, .telegramFlood, .clockJump, .changeLanes,
            .switchIntake:
            2
        default: 1
        }
    }

    /// Milliseconds that an outage of this kind costs beyond its own length: the server's way down and up.
    var overhead: Int {
        switch self {
        case .stopBroker: 14_000
        case .crashBroker: 10_000
        case .memoryAlarm: 6000
        case .diskFull: 3000
        case .stopDatabase, .crashDatabase: 2000
        default: 0
        }
    }
}
