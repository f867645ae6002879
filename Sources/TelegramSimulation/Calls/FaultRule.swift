/// When a fault strikes: which calls, how likely, how often.
public struct FaultRule: Sendable {
    public let id: Int
    public var fault: Fault
    /// `nil`: any bot.
    public var bot: Int64?
    /// Lower-case name of a method; `nil`: any.
    public var method: String?
    /// 0…1.
    public var probability = 1.0
    /// So many matching calls pass before the first one may be struck.
    public var skip = 0
    /// It strikes so often at most; `nil`: no bound.
    public var count: Int?
    public private(set) var struck = 0
    private var random: SplitMix64

    init(id: Int, fault: Fault, seed: UInt64) {
        self.id = id
        self.fault = fault
        random = SplitMix64(seed: seed &+ UInt64(id) &* 0x2545_F491_4F6C_DD1D)
    }

    /// Whether this call is struck. Each matching call draws one random number, so that the same calls in the same
    /// order meet the same faults.
    mutating func strikes(bot: Int64, method: String) -> Bool {
        if let own = self.bot, own != bot { return false }
        if let own = self.method, own != method { return false }
        if let count, struck >= count { return false }
        let drawn = Double(random.next() >> 11) * 0x1p-53
        if skip > 0 {
            skip -= 1
            return false
        }
        if drawn >= probability { return false }
        struck += 1
        return true
    }
}

/// The rules in force, oldest first; the first that strikes decides.
struct FaultTable: Sendable {
    /// More rules than this are refused.
    static let capacity = 1000

    private(set) var rules: [FaultRule] = []
    private var lastID = 0

    mutating func add(_ fault: Fault, seed: UInt64, _ adjust: (inout FaultRule) -> Void) -> FaultRule? {
        guard rules.count < Self.capacity else { return nil }
        lastID += 1
        var rule = FaultRule(id: lastID, fault: fault, seed: seed)
        adjust(&rule)
        rules.append(rule)
        return rule
    }

    mutating func draw(bot: Int64, method: String) -> Fault? {
        for index in rules.indices where rules[index].strikes(bot: bot, method: method) { return rules[index].fault }
        return nil
    }

    /// Removes one rule, or all; returns how many.
    mutating func remove(_ id: Int?) -> Int {
        let before = rules.count
        if let id { rules.removeAll { $0.id == id } } else { rules.removeAll() }
        return before - rules.count
    }
}
