import Coordinator
import FleetModel
import Synchronization

@testable import Coordinator

/// Answers like a fleet with one bot, and remembers what was asked.
final class FakeFleet: FleetOperations {
    static let token = "right"
    let asked = Mutex<[String]>([])

    private func note(_ text: String) { asked.withLock { $0.append(text) } }
    var lastAsked: String? { asked.withLock { $0.last } }

    static let shop = BotView(
        spec: BotSpec(id: known("shop"), behaviour: "echo"),
        telegramID: nil,
        username: nil,
        backlog: nil,
        deadLetters: 0,
        workers: [],
        createdAt: Timestamp(milliseconds: 0)
    )

    /// The tests' own ids are valid.
    static func known(_ text: String) -> BotID {
        guard let id = BotID(text) else { preconditionFailure("not a bot id: \(text)") }
        return id
    }

    func health() async -> HealthView { HealthView(status: "ok", broker: true, database: true) }

    func status() async throws(APIFailure) -> StatusView { throw .unavailable("the database is away; try again") }

    func bots() async throws(APIFailure) -> [BotView] { [Self.shop] }

    func bot(_ id: BotID) async throws(APIFailure) -> BotView {
        guard id == Self.shop.spec.id else { throw .noSuchBot(id) }
        return Self.shop
    }

    func addBot(_ request: AddBotRequest, by author: String) async throws(APIFailure) -> BotView {
        note("add \(request.spec.id) by \(author)")
        return Self.shop
    }

    func changeBot(_ id: BotID, _ change: BotChange, by author: String) async throws(APIFailure) -> BotView {
        note("change \(id) lanes \(change.lanes ?? -1) workers \(change.workers ?? -1) by \(author)")
        return Self.shop
    }

    func removeBot(_ id: BotID, by author: String) async throws(APIFailure) { note("remove \(id) by \(author)") }

    func setDesired(_ state: BotSpec.DesiredState, of id: BotID, by author: String) async throws(APIFailure) -> BotView
    {
        note("\(state) \(id)")
        return Self.shop
    }

    func setToken(_ request: SetTokenRequest, of id: BotID, by author: String) async throws(APIFailure) -> BotView {
        note("token of \(id) by \(author)")
        return Self.shop
    }

    func restartBot(_ id: BotID, by author: String) async throws(APIFailure) -> BotView {
        note("restart \(id)")
        return Self.shop
    }

    func workers() async throws(APIFailure) -> [WorkerView] { [] }

    func broadcast(_ request: ConfigBroadcastRequest, by author: String) async throws(APIFailure) -> TallyView {
        let problems = ConfigSchema.problems(in: request.set)
        if !problems.isEmpty { throw .invalid("nothing was sent", problems) }
        return TallyView(generation: 1, rows: [], milliseconds: 0)
    }

    func config(for bot: BotID?) async throws(APIFailure) -> ConfigView {
        note("config \(bot?.rawValue ?? "-")")
        return ConfigView(generation: 0, hash: "", scopes: [:], effective: nil)
    }

    func configHistory(limit: Int) async throws(APIFailure) -> [GenerationView] {
        note("history \(limit)")
        return []
    }

    func deadLetters(
        _ filter: DeadLetterFilter, before: Int64?, limit: Int
    ) async throws(APIFailure) -> [DeadLetterView] {
        note("dead [\(filter.text)] before \(before ?? 0) limit \(limit)")
        return []
    }

    func countDeadLetters(_ filter: DeadLetterFilter) async throws(APIFailure) -> DeadLetterCount {
        note("count [\(filter.text)]")
        return DeadLetterCount(total: 3, unreplayed: 2, last: 9)
    }

    func deadLetter(_ number: Int64) async throws(APIFailure) -> DeadLetterView { throw .notFound("no \(number)") }

    func purgeDeadLetters(_ request: PurgeRequest, by author: String) async throws(APIFailure) -> PurgeView {
        note("purge [\(request.filter.text)] by \(author)")
        return PurgeView(purged: 3)
    }

    func collectDeadLetters(by author: String) async throws(APIFailure) -> CollectView {
        note("collect by \(author)")
        return CollectView(collected: 0, problem: nil)
    }

    static let replay = ReplayView(number: 7, author: "operator", total: 3, startedAt: Timestamp(milliseconds: 0))

    func startReplay(_ request: ReplayRequest, by author: String) async throws(APIFailure) -> ReplayView {
        note("replay [\(request.filter.text)] by \(author)")
        return Self.replay
    }

    func replayViews() async -> [ReplayView] { [Self.replay] }
    func replay(_ number: Int) async throws(APIFailure) -> ReplayView { Self.replay }

    func stopReplay(_ number: Int, by author: String) async throws(APIFailure) -> ReplayView {
        note("stop replay \(number) by \(author)")
        return Self.replay
    }

    func shutdown(_ request: ShutdownRequest, by author: String) async throws(APIFailure) -> ShutdownView {
        note("shutdown \(request.workers)")
        return ShutdownView(stopped: [])
    }

    func author(bearing token: Secret) async throws(APIFailure) -> String? {
        token.reveal() == Self.token ? "operator" : nil
    }
}
