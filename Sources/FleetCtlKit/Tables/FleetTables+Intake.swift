import FleetModel

extension FleetTables {
    /// A bot's intake in a word: how it comes in, or what is wrong.
    static func intake(_ bot: BotView) -> String {
        if let state = bot.intake { return state.condition.rawValue }
        return bot.spec.desired == .running ? "nobody" : "–"
    }

    /// The same at length.
    static func intakeAtLength(_ bot: BotView) -> String {
        let mode = bot.spec.intake.rawValue
        guard let state = bot.intake else {
            if bot.spec.desired == .stopped { return "\(mode), stopped" }
            // Gateways look every few seconds; who waits for longer is in trouble.
            let isMissed = bot.troubles?.contains { $0.code == .notTakenIn } == true
            return "\(mode), " + (isMissed ? "but no gateway has it" : "about to be taken in")
        }
        let since = state.since.map { " since \($0)" } ?? ""
        let detail = state.detail.map { ": \($0)" } ?? ""
        return "\(mode) by \(state.gateway), \(state.condition.rawValue)\(since)\(detail)"
    }
}
