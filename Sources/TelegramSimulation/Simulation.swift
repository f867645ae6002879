import Synchronization

/// A Telegram of its own: bots, the users who talk to them, and what goes wrong. No HTTP in here: calls and control
/// requests come in as values, answers go out as ``Reply``.
///
/// Times are microseconds since 1970, given by the caller.
public final class Simulation: Sendable {
    public struct Configuration: Sendable {
        /// Decides generated tokens, first update ids and the course of faults.
        public var seed: UInt64
        /// What a new bot gets unless its creation says otherwise.
        public var options = BotOptions()

        public init(seed: UInt64) { self.seed = seed }
    }

    public let configuration: Configuration
    let registry: Mutex<Registry>
    let faults = Mutex(FaultTable())
    /// Spares the calls a lock while there are no rules.
    private let faultsExist = Atomic<Bool>(false)
    private let webhookWork: @Sendable (SimulatedBot) -> Void

    /// - Parameter webhookWork: told that a bot's webhook may have something to deliver: then
    ///   ``SimulatedBot/startDeliveries(now:)`` is to be called. It must not block.
    public init(
        _ configuration: Configuration,
        webhookWork: @escaping @Sendable (SimulatedBot) -> Void = { _ in }
    ) {
        self.configuration = configuration
        self.webhookWork = webhookWork
        registry = Mutex(Registry(seed: configuration.seed))
    }

    /// The bot with this token, both parts.
    public func bot(token: String) -> SimulatedBot? { registry.withLock { $0.byToken[token] } }

    /// The bot with this number before the colon of its token.
    public func bot(id: Int64) -> SimulatedBot? { registry.withLock { $0.byID[id] } }

    var bots: [SimulatedBot] {
        registry.withLock { Array($0.byID.values) }.sorted { $0.identity.id < $1.identity.id }
    }

    /// Whether this call is struck, and by what.
    public func drawFault(bot: Int64, method: String) -> Fault? {
        guard faultsExist.load(ordering: .relaxed) else { return nil }
        return faults.withLock { $0.draw(bot: bot, method: method.lowercased()) }
    }

    func changeFaults<Value: Sendable>(
        _ change: (inout FaultTable) throws(APIError) -> Value
    ) throws(APIError) -> Value {
        try faults.withLock { (table) throws(APIError) in
            defer { faultsExist.store(!table.rules.isEmpty, ordering: .relaxed) }
            return try change(&table)
        }
    }

    /// Counts a refusal that a fault gave in the bot's place.
    public func countFault(_ fault: Fault, bot: SimulatedBot, method name: String) {
        guard let method = Method(name), let reply = fault.reply else { return }
        bot.countRefusal(of: method, APIError(reply.status, ""))
    }

    // MARK: Bots

    /// At most so many bots exist.
    static let botCapacity = 100_000

    /// How a new bot is to be.
    struct NewBot: Sendable {
        var token: String?
        var username: String?
        var name: String?
        var firstUpdateID: Int64?
        var options: BotOptions
    }

    func add(_ new: NewBot) throws(APIError) -> SimulatedBot {
        try registry.withLock { (registry) throws(APIError) in
            guard registry.byID.count < Self.botCapacity else {
                throw APIError(507, "Insufficient Storage: there are \(Self.botCapacity) bots already")
            }
            let token = new.token ?? registry.generateToken()
            guard let id = Registry.id(of: token) else {
                throw .badRequest("a token is NUMBER:SECRET, the secret of letters, digits, _ and -")
            }
            if registry.byID[id] != nil { throw APIError.conflict("bot \(id) exists") }
            let bot = SimulatedBot(
                identity: BotIdentity(
                    id: id,
                    username: new.username ?? "sim\(id)_bot",
                    name: new.name ?? "Simulated \(id)"
                ),
                token: token,
                options: new.options,
                firstUpdateID: new.firstUpdateID ?? registry.generateUpdateID(),
                webhookWork: webhookWork
            )
            registry.byID[id] = bot
            registry.byToken[token] = bot
            return bot
        }
    }

    func remove(_ bot: SimulatedBot, now: Int64) {
        registry.withLock { registry in
            registry.byID[bot.identity.id] = nil
            registry.byToken[bot.token] = nil
        }
        let answer = bot.state.withLock { state in
            _ = state.setWebhook(nil, drop: true, now: now)
            return state.endPoll(with: .unauthorized)
        }
        answer?.give()
    }

    struct Registry: Sendable {
        var byToken: [String: SimulatedBot] = [:]
        var byID: [Int64: SimulatedBot] = [:]
        private var lastID: Int64 = 7_000_000_000
        private var random: SplitMix64
        private var lastQuery: UInt64

        init(seed: UInt64) {
            random = SplitMix64(seed: seed)
            lastQuery = UInt64.random(in: 1 << 40..<1 << 50, using: &random)
        }

        mutating func generateToken() -> String {
            repeat { lastID += 1 } while byID[lastID] != nil
            let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
            // Telegram's secrets have 35 characters, the first two "AA".
            var secret = "AA"
            for _ in 0..<33 { secret.append(letters[Int(random.next() & 63)]) }
            return "\(lastID):\(secret)"
        }

        /// Telegram: ids start from "a certain positive number".
        mutating func generateUpdateID() -> Int64 { Int64.random(in: 100_000_000..<900_000_000, using: &random) }

        mutating func generateQueryID() -> String {
            lastQuery += 1
            return String(lastQuery)
        }

        static func id(of token: String) -> Int64? {
            let parts = token.split(separator: ":", maxSplits: 1)
            guard parts.count == 2, let id = Int64(parts[0]), id > 0, isSecret(parts[1]) else { return nil }
            return id
        }

        private static func isSecret(_ text: Substring) -> Bool {
            text.utf8.allSatisfy {
                (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == 95 || $0 == 45
            }
        }
    }
}
