import FleetModel

/// What a run is made of.
public struct ChaosOptions: Sendable {
    /// How long faults and load last, without the start and the time the fleet gets afterwards.
    public var seconds = 300
    public var seed: UInt64 = 1
    public var kinds = Set(FaultKind.allCases)
    public var bots = ChaosBot.standard
    public var chatsPerBot = 25
    /// Messages a second over all bots.
    public var rate = 60.0
    /// How long nothing may change at the end before what is missing counts as lost.
    public var stall: Duration = .seconds(60)

    public init() {}

    /// Does the same again.
    public var command: String {
        var words = ["./run chaos --seconds \(seconds) --seed \(seed)"]
        if kinds != Set(FaultKind.allCases) {
            words.append("--faults " + kinds.sorted().map(\.rawValue).joined(separator: ","))
        }
        if rate != ChaosOptions().rate { words.append("--rate \(Int(rate))") }
        return words.joined(separator: " ")
    }
}

/// A bot of the run and how it is served.
public struct ChaosBot: Sendable, Equatable {
    public var id: BotID
    public var lanes = 1
    public var workers = 1
    public var queue = QueueKind.quorum
    public var intake = IntakeMode.polling

    /// Four simple ones, one of them with a classic queue; two with webhooks; two over several lanes and workers.
    public static let standard: [ChaosBot] = (1...8).compactMap { number in
        guard var bot = BotID("chaos-\(number)").map({ ChaosBot(id: $0) }) else { return nil }
        if number == 4 { bot.queue = .classic }
        if [5, 6, 8].contains(number) { bot.intake = .webhook }
        if number >= 7 { (bot.lanes, bot.workers) = (number - 3, 2) }
        return bot
    }

    var spec: BotSpec {
        BotSpec(id: id, behaviour: "ledger", lanes: lanes, workers: workers, queue: queue, intake: intake)
    }
}
