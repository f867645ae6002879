import BotKit
import Broker
import FleetModel
import Store

/// What a worker is told at its start.
public struct WorkerSettings: Sendable {
    /// Stable over restarts, unique in the fleet.
    public var name: String
    public var bots: [BotID]
    public var broker: BrokerConfiguration
    public var database: StoreConfiguration
    public var vault: TokenVault
    public var telegramURL: String
    public var behaviours: BehaviourRegistry
    /// From the first SIGTERM until what is not finished is left to the next owner.
    public var drainDeadline: Duration
    /// How long servers may be away before the start is given up.
    public var startupDeadline: Duration
    /// AMQP heartbeat of the connection that consumes. The broker drops a silent one after two to three of them, and so
    /// gives the lanes of a worker that hangs to their standbys.
    public var consumerHeartbeat: Duration

    public init(
        name: String,
        bots: [BotID],
        broker: BrokerConfiguration,
        database: StoreConfiguration,
        vault: TokenVault,
        telegramURL: String,
        behaviours: BehaviourRegistry = .standard,
        drainDeadline: Duration = .seconds(20),
        startupDeadline: Duration = .seconds(30),
        consumerHeartbeat: Duration = .seconds(2)
    ) {
        self.name = name
        self.bots = bots
        self.broker = broker
        self.database = database
        self.vault = vault
        self.telegramURL = telegramURL
        self.behaviours = behaviours
        self.drainDeadline = drainDeadline
        self.startupDeadline = startupDeadline
        self.consumerHeartbeat = consumerHeartbeat
    }
}

/// Why a worker cannot start, in one line.
public struct WorkerError: Error, Sendable, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }
}
