public import FleetModel

/// What the HTTP API offers, without HTTP: the routes call this, and tests stand in for it.
public protocol FleetOperations: Sendable {
    func health() async -> HealthView
    func status() async throws(APIFailure) -> StatusView

    func bots() async throws(APIFailure) -> [BotView]
    func bot(_ id: BotID) async throws(APIFailure) -> BotView
    func addBot(_ request: AddBotRequest, by author: String) async throws(APIFailure) -> BotView
    func changeBot(_ id: BotID, _ change: BotChange, by author: String) async throws(APIFailure) -> BotView
    func removeBot(_ id: BotID, by author: String) async throws(APIFailure)
    func setDesired(_ state: BotSpec.DesiredState, of id: BotID, by author: String) async throws(APIFailure) -> BotView
    func setToken(_ request: SetTokenRequest, of id: BotID, by author: String) async throws(APIFailure) -> BotView
    func restartBot(_ id: BotID, by author: String) async throws(APIFailure) -> BotView

    func workers() async throws(APIFailure) -> [WorkerView]

    func broadcast(_ request: ConfigBroadcastRequest, by author: String) async throws(APIFailure) -> TallyView
    func config(for bot: BotID?) async throws(APIFailure) -> ConfigView
    func configHistory(limit: Int) async throws(APIFailure) -> [GenerationView]

    func deadLetters(_ filter: DeadLetterFilter, before: Int64?, limit: Int) async throws(APIFailure)
        -> [DeadLetterView]
    func countDeadLetters(_ filter: DeadLetterFilter) async throws(APIFailure) -> DeadLetterCount
    func deadLetter(_ number: Int64) async throws(APIFailure) -> DeadLetterView
    func purgeDeadLetters(_ request: PurgeRequest, by author: String) async throws(APIFailure) -> PurgeView
    func collectDeadLetters(by author: String) async throws(APIFailure) -> CollectView

    func startReplay(_ request: ReplayRequest, by author: String) async throws(APIFailure) -> ReplayView
    func replayViews() async -> [ReplayView]
    func replay(_ number: Int) async throws(APIFailure) -> ReplayView
    func stopReplay(_ number: Int, by author: String) async throws(APIFailure) -> ReplayView

    func shutdown(_ request: ShutdownRequest, by author: String) async throws(APIFailure) -> ShutdownView

    /// Whether the bearer token is valid, and the name under which its holder's writes are audited; `nil` if not.
    func author(bearing token: Secret) async throws(APIFailure) -> String?
}
