/// One kind of fault with all that describes it. Victims are chosen among who is there when its time comes.
public enum Disturbance: Sendable, Equatable {
    /// SIGTERM, as for a new version: the process drains, and is started again. The coordinator ends its workers and
    /// gateways with it.
    case restart(Role)
    /// SIGKILL.
    case kill(Role)
    /// SIGSTOP, and SIGCONT at the end.
    case freeze(Role)
    /// A jump of the wall clock of all processes of a role, and back at the end.
    case clock(Role, seconds: Int)
    /// The server stops in order, and is started again at the end.
    case stop(Server)
    /// SIGKILL to the server, and a start at the end.
    case crash(Server)
    /// RabbitMQ believes that it has no memory: it blocks publishers.
    case memoryAlarm
    /// PostgreSQL has no room to write.
    case diskFull
    /// This share of the connections is closed.
    case cut(Server, share: Double)
    /// Nothing passes in these directions, from some bytes after the start on, which may be the middle of a frame.
    case blackhole(Server, Direction, after: Int, then: Ending)
    /// All that passes is this late.
    case delay(Server, milliseconds: Int)
    /// Calls of the Bot API fail so, with this probability.
    case telegram(Trouble, probability: Double)
    /// The operator changes something while all this goes on.
    case change(Change)

    public enum Role: String, Sendable, CaseIterable { case worker, gateway, coordinator }
    public enum Server: String, Sendable, CaseIterable { case broker, database, webhooks }
    public enum Change: Sendable, Equatable {
        case lanes(Int)
        /// From polling to webhooks, or back.
        case intake
        case config
    }
    public enum Direction: String, Sendable, CaseIterable { case toServer, toClient, both }
    public enum Ending: String, Sendable, CaseIterable { case close, goOn }
    /// The simulator's names for them; docs/simulator.md.
    public enum Trouble: String, Sendable, CaseIterable {
        case internalError = "internal_error"
        case badGateway = "bad_gateway"
        case flood = "too_many_requests"
        case timeout, silence, reset, drop, half
    }

    public var kind: FaultKind {
        switch self {
        case .restart(let role):
            role == .worker ? .restartWorker : role == .gateway ? .restartGateway : .restartCoordinator
        case .kill(let role): role == .worker ? .killWorker : role == .gateway ? .killGateway : .killCoordinator
        case .freeze(let role): role == .worker ? .stopWorker : role == .gateway ? .stopGateway : .stopCoordinator
        case .clock: .clockJump
        case .stop(let server): server == .broker ? .stopBroker : .stopDatabase
        case .crash(let server): server == .broker ? .crashBroker : .crashDatabase
        case .memoryAlarm: .memoryAlarm
        case .diskFull: .diskFull
        case .cut(let server, _):
            server == .broker ? .cutBroker : server == .database ? .cutDatabase : .cutWebhooks
        case .blackhole(let server, _, _, _):
            server == .broker ? .blackholeBroker : server == .database ? .blackholeDatabase : .blackholeWebhooks
        case .delay(let server, _): server == .broker ? .slowBroker : .slowDatabase
        case .change(.lanes): .changeLanes
        case .change(.intake): .switchIntake
        case .change(.config): .changeConfig
        case .telegram(let trouble, _):
            switch trouble {
            case .internalError, .badGateway: .telegramErrors
            case .flood: .telegramFlood
            case .timeout, .silence: .telegramTimeouts
            case .reset, .drop, .half: .telegramBroken
            }
        }
    }
}

extension Disturbance: CustomStringConvertible {
    public var description: String {
        func percent(_ share: Double) -> String { "\(Int((share * 100).rounded())) %" }
        return switch self {
        case .restart(let role): "SIGTERM to a \(role.rawValue)"
        case .kill(let role): "SIGKILL to a \(role.rawValue)"
        case .freeze(let role): "SIGSTOP to a \(role.rawValue)"
        case .clock(let role, let seconds): "the clock of each \(role.rawValue) jumps by \(seconds) s"
        case .stop(let server): "\(server) stopped"
        case .crash(let server): "SIGKILL to \(server)"
        case .memoryAlarm: "memory alarm in RabbitMQ"
        case .diskFull: "PostgreSQL's disk full"
        case .cut(let server, let share): "\(percent(share)) of the connections to \(server) cut"
        case .blackhole(let server, let direction, let bytes, let ending):
            "nothing passes \(direction) of \(server) after \(bytes) bytes, then \(ending)"
        case .delay(let server, let milliseconds): "\(server) \(milliseconds) ms away"
        case .change(.lanes(let lanes)): "a bot gets \(lanes) lanes"
        case .change(.intake): "a bot goes over from polling to webhooks, or back"
        case .change(.config): "a config broadcast"
        case .telegram(let trouble, let probability): "Telegram: \(trouble.rawValue) for \(percent(probability))"
        }
    }
}

extension Disturbance.Server: CustomStringConvertible {
    public var description: String {
        self == .broker ? "RabbitMQ" : self == .database ? "PostgreSQL" : "the gateways' webhooks"
    }
}

extension Disturbance.Direction: CustomStringConvertible {
    public var description: String {
        switch self {
        case .toServer: "in the direction"
        case .toClient: "from the side"
        case .both: "in both directions"
        }
    }
}

extension Disturbance.Ending: CustomStringConvertible {
    public var description: String { self == .close ? "the connections end" : "they go on" }
}
