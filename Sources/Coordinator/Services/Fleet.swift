import Broker
import FleetControl
import FleetModel
import Logging
import Store

/// The fleet as the API sees it: one extension a part of the API.
final class Fleet: FleetOperations {
    let incarnation: Incarnation
    let startedAt = Timestamp.now
    let database: Database
    let vault: TokenVault
    let broadcaster: Broadcaster
    let publisher: ControlPublisher
    let backlogs: Backlogs
    let brokerLetters: BrokerDeadLetters
    let replays: Replays
    let roster: RosterKeeper
    let steward: Steward
    let supervisor: Supervisor?
    let tokens: TokenCheck
    /// Names of behaviours besides the shipped ones.
    let behaviours: [String]
    let tokenOwner: TokenOwner
    let logger: Logger
    /// Ends the coordinator, once the answer is out.
    let requestEnd: @Sendable () -> Void

    init(
        incarnation: Incarnation,
        database: Database,
        vault: TokenVault,
        broadcaster: Broadcaster,
        publisher: ControlPublisher,
        backlogs: Backlogs,
        brokerLetters: BrokerDeadLetters,
        tokenOwner: TokenOwner,
        roster: RosterKeeper,
        steward: Steward,
        supervisor: Supervisor?,
        behaviours: [String],
        logger: Logger,
        requestEnd: @escaping @Sendable () -> Void
    ) {
        self.incarnation = incarnation
        self.database = database
        self.vault = vault
        self.broadcaster = broadcaster
        self.publisher = publisher
        self.backlogs = backlogs
        self.brokerLetters = brokerLetters
        self.tokenOwner = tokenOwner
        replays = Replays(database: database, publisher: publisher, logger: logger)
        self.roster = roster
        self.steward = steward
        self.supervisor = supervisor
        tokens = TokenCheck(database: database)
        self.behaviours = behaviours
        self.logger = logger
        self.requestEnd = requestEnd
    }

    /// Runs queries, with the store's errors turned into the API's.
    func stored<Value>(_ body: () async throws(StoreError) -> Value) async throws(APIFailure) -> Value {
        do {
            return try await body()
        } catch {
            throw APIFailure(error)
        }
    }

    /// Every write leaves a trace. The write itself has happened by now, so a failure is logged and no more.
    func audit(_ action: String, _ target: String, by author: String, _ detail: ConfigValue? = nil) async {
        do throws(StoreError) {
            try await database.audit(actor: author, action: action, target: target, detail: detail)
        } catch {
            logger.error("not audited: \(error)", metadata: ["action": "\(action)", "target": "\(target)"])
        }
    }

    func record(of id: BotID) async throws(APIFailure) -> BotRecord {
        guard let record = try await stored({ () throws(StoreError) in try await database.bot(id) }) else {
            throw .noSuchBot(id)
        }
        return record
    }
}

extension APIFailure {
    init(_ error: StoreError) {
        switch error.code {
        case .notFound: self = .notFound(error.description)
        case .conflict, .constraint: self = .conflict(error.description)
        case .vault, .migration, .invalidConfiguration: self = .internal(error.description)
        default:
            self =
                error.disposition == .giveUp && error.code != .authentication && error.code != .shutDown
                ? .internal(error.description) : .unavailable("the database is away: \(error); try again")
        }
    }
}
