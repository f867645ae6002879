/// The coordinator's HTTP API, version 1: what `fleetctl` and others send and get, as JSON.
///
/// Every request carries `Authorization: Bearer <token>`, but `GET /v1/health`. An error is an ``APIError`` with a
/// status of 4xx or 5xx. No answer ever holds a bot's token.
///
/// | method and path | body | answer |
/// | --- | --- | --- |
/// | `GET /v1/health` | – | ``HealthView`` |
/// | `GET /v1/status` | – | ``StatusView`` |
/// | `GET /v1/bots` | – | `[BotView]` |
/// | `POST /v1/bots` | ``AddBotRequest`` | 201 ``BotView``; 409 when it exists |
/// | `GET /v1/bots/{id}` | – | ``BotView`` |
/// | `PATCH /v1/bots/{id}` | ``BotChange`` | ``BotView`` |
/// | `DELETE /v1/bots/{id}` | – | 204 |
/// | `POST /v1/bots/{id}/start`, `/stop`, `/restart` | – | ``BotView`` |
/// | `POST /v1/bots/{id}/token` | ``SetTokenRequest`` | ``BotView``; 409 when the token is another bot's |
/// | `GET /v1/workers` | – | `[WorkerView]` |
/// | `POST /v1/config` | ``ConfigBroadcastRequest`` | ``TallyView``; 422 with problems before anything is sent |
/// | `GET /v1/config?bot=ID` | – | ``ConfigView`` |
/// | `GET /v1/config/history?limit=N` | – | `[GenerationView]`, newest first |
/// | `GET /v1/dead-letters?FILTER&before=NUMBER&limit=N` | – | `[DeadLetterView]` without bodies, newest first |
/// | `GET /v1/dead-letters/count?FILTER` | – | ``DeadLetterCount`` |
/// | `GET /v1/dead-letters/{number}` | – | ``DeadLetterView`` with its body |
/// | `POST /v1/dead-letters/purge` | ``PurgeRequest`` | ``PurgeView`` |
/// | `POST /v1/dead-letters/collect` | – | ``CollectView`` |
/// | `POST /v1/replays` | ``ReplayRequest`` | 202 ``ReplayView``; 409 while another one runs |
/// | `GET /v1/replays`, `GET /v1/replays/{number}` | – | `[ReplayView]` newest first, ``ReplayView`` |
/// | `DELETE /v1/replays/{number}` | – | ``ReplayView``, ended |
/// | `POST /v1/shutdown` | ``ShutdownRequest`` | ``ShutdownView`` |
///
/// FILTER is ``DeadLetterFilter/query``.
public enum FleetAPI {
    public static let version = 1
}

public struct APIError: Error, Sendable, Codable, Equatable, CustomStringConvertible {
    /// Stable and short: `unauthorized` (401), `bad_request` (400), `not_found` (404), `conflict` (409), `too_large`
    /// (413), `invalid` (422), `internal` (500), `unavailable` (503: broker or database away; try again).
    public var code: String
    /// One line: what happened, where, what to do.
    public var message: String
    public var problems: [ConfigProblem]?

    public init(code: String, message: String, problems: [ConfigProblem]? = nil) {
        self.code = code
        self.message = message
        self.problems = problems
    }

    public var description: String { message }
}

public struct HealthView: Sendable, Codable, Equatable {
    public var status: String
    public var broker: Bool
    public var database: Bool

    public init(status: String, broker: Bool, database: Bool) {
        self.status = status
        self.broker = broker
        self.database = database
    }
}

public struct StatusView: Sendable, Codable, Equatable {
    public var coordinator: Incarnation
    public var startedAt: Timestamp
    public var generation: Int64
    public var bots: [BotView]
    public var workers: [WorkerView]

    public init(
        coordinator: Incarnation, startedAt: Timestamp, generation: Int64, bots: [BotView], workers: [WorkerView]
    ) {
        self.coordinator = coordinator
        self.startedAt = startedAt
        self.generation = generation
        self.bots = bots
        self.workers = workers
    }
}

public struct BotView: Sendable, Codable, Equatable {
    public var spec: BotSpec
    /// Telegram's id and name of the bot, once `getMe` answered.
    public var telegramID: Int64?
    public var username: String?
    /// Messages ready in its intake and its lanes' queues, `nil` when the broker was not asked or did not say.
    public var backlog: Int64?
    public var deadLetters: Int64
    public var workers: [String]
    /// Who takes its updates in; `nil` when no gateway does.
    public var intake: IntakeState?
    public var lanes: LanesView?
    /// What is wrong with it; `nil` when nothing is.
    public var troubles: [BotTrouble]?
    public var createdAt: Timestamp

    public init(
        spec: BotSpec, telegramID: Int64?, username: String?, backlog: Int64?, deadLetters: Int64, workers: [String],
        intake: IntakeState? = nil, lanes: LanesView? = nil, troubles: [BotTrouble]? = nil, createdAt: Timestamp
    ) {
        self.spec = spec
        self.telegramID = telegramID
        self.username = username
        self.backlog = backlog
        self.deadLetters = deadLetters
        self.workers = workers
        self.intake = intake
        self.lanes = lanes
        self.troubles = troubles
        self.createdAt = createdAt
    }
}

public struct WorkerView: Sendable, Codable, Equatable {
    public var heartbeat: Heartbeat
    public var health: Health
    /// Restarts by this coordinator's supervisor since it first started the worker; `nil` if it does not supervise it.
    public var restarts: Int?

    public enum Health: String, Sendable, Codable {
        /// Heard of within ``Heartbeat/lateAfter``.
        case live
        case late
        /// Its process is known to have ended.
        case dead
        /// Started by the supervisor and not yet heard of.
        case starting
        /// A supervised gateway: it sends no heartbeats, so all that is known is that its process lives.
        case process
    }

    public init(heartbeat: Heartbeat, health: Health, restarts: Int?) {
        self.heartbeat = heartbeat
        self.health = health
        self.restarts = restarts
    }
}

public struct AddBotRequest: Sendable, Codable, Equatable {
    public var spec: BotSpec
    /// The token from BotFather. It goes in, and never comes out again.
    public var token: String
    /// Whether Telegram is asked whose the token is; absent: yes. It is added whatever comes of that.
    public var check: Bool?

    public init(spec: BotSpec, token: String, check: Bool? = nil) {
        self.spec = spec
        self.token = token
        self.check = check
    }
}
