public import Broker
public import Store
import TelegramAPI

/// Everything a coordinator is told at its start.
public struct CoordinatorConfiguration: Sendable {
    public var broker: BrokerConfiguration
    public var store: StoreConfiguration
    /// File of the key that seals bot tokens (`FLEET_KEY_FILE`).
    public var keyFile: String
    /// Where the API listens.
    public var host = "127.0.0.1"
    public var port = 8900
    /// Written with a fresh bearer token when it does not exist.
    public var tokenFile: String
    /// Logs of the supervised processes and the lock that keeps a second coordinator out. Made absolute.
    public var stateDirectory: String
    /// The Bot API of bots that name no other, asked whose a new token is.
    public var telegramAPI = TelegramClient.defaultBaseURL
    /// Certificates to trust there, PEM; `nil`: the system's.
    public var telegramCAFile: String?
    /// What to supervise on this machine; `nil`: nothing.
    public var supervision: Supervision?
    /// Behaviours that bots may be added with besides the shipped ones: those of the workers' own binary.
    public var behaviours: [String] = []
    /// How long an update's id is remembered after it was settled; never taken as less than 48 h, because Telegram
    /// redelivers for 24 h. An update that comes again later takes effect again.
    public var inboxRetention: Duration = .seconds(7 * 24 * 3600)
    /// How long RabbitMQ and PostgreSQL may be away at the start.
    public var startupTimeout: Duration = .seconds(30)
    /// From SIGTERM to the end, supervised processes included.
    public var shutdownTimeout: Duration = .seconds(30)

    public struct Supervision: Sendable {
        /// The `bot-worker` binary: one process a bot that should run.
        public var workerBinary: String
        /// The `fleet-gateway` binary; `nil`: no gateways.
        public var gatewayBinary: String?
        public var gateways = 1
        /// SIGTERM stops the supervised processes too; otherwise they go on and are adopted at the next start.
        public var stopsChildren = false
        /// From SIGTERM to SIGKILL for one process.
        public var stopDeadline: Duration = .seconds(15)

        public init(workerBinary: String, gatewayBinary: String?) {
            self.workerBinary = workerBinary
            self.gatewayBinary = gatewayBinary
        }
    }

    public init(
        broker: BrokerConfiguration,
        store: StoreConfiguration,
        keyFile: String,
        tokenFile: String,
        stateDirectory: String
    ) {
        self.broker = broker
        self.store = store
        self.keyFile = keyFile
        self.tokenFile = tokenFile
        self.stateDirectory = stateDirectory
    }
}

/// Why the coordinator did not start: one line for the operator.
public struct StartupError: Error, Sendable, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }
}
