import FleetModel

/// What is wrong with a bot, seen in its view.
enum BotTroubles {
    /// A bot just added gets this long to be taken in and served.
    static let grace: Int64 = 15_000

    /// - Parameter hasMenu: whether the config has a menu for it.
    static func of(_ bot: BotView, hasMenu: Bool, now: Timestamp) -> [BotTrouble] {
        guard bot.spec.desired == .running else { return [] }
        var troubles: [BotTrouble] = []
        let isNew = now.milliseconds(since: bot.createdAt) < grace
        if let trouble = intake(bot, isNew: isNew) { troubles.append(trouble) }
        if bot.workers.isEmpty, !isNew {
            troubles.append(
                BotTrouble(
                    .notServed, .failure, "no worker serves it; its updates wait",
                    mend: "see the coordinator's logs, then `fleetctl bot restart \(bot.spec.id)`"))
        }
        if bot.spec.behaviour == ShippedBehaviour.menu.rawValue, !hasMenu { troubles.append(noMenu(bot.spec.id)) }
        return troubles
    }

    private static func intake(_ bot: BotView, isNew: Bool) -> BotTrouble? {
        let id = bot.spec.id
        guard let state = bot.intake else {
            if isNew { return nil }
            let option = bot.spec.intake == .webhook ? " with --webhook-url" : ""
            return BotTrouble(
                .notTakenIn, .failure, "no gateway takes its updates in; they wait at Telegram",
                mend: "have a fleet-gateway run\(option); `fleetctl up` starts one")
        }
        let detail = state.detail.map { ": \($0)" } ?? ""
        let since = state.since.map { " since \($0.description.prefix(19))Z" } ?? ""
        switch state.condition {
        case .starting, .polling, .webhook: return nil
        case .refused:
            return BotTrouble(
                .tokenRefused, .failure, "Telegram refuses its token (401)\(since)",
                mend: "`fleetctl bot set-token \(id)` with the token that BotFather shows")
        case .conflict:
            return BotTrouble(
                .intakeConflict, .failure, "somebody else takes its updates\(since)\(detail)",
                mend: "stop that program, or have BotFather revoke the token and `fleetctl bot set-token \(id)`")
        case .failing:
            return BotTrouble(
                .intakeFailing, .failure, "taking its updates in fails\(since), and is tried on\(detail)",
                mend: "look at network and servers from where gateway \(state.gateway) runs, and at its log")
        }
    }

    private static func noMenu(_ id: BotID) -> BotTrouble {
        BotTrouble(
            .noMenu, .warning, "it has no menu, so it answers nothing",
            mend: "`fleetctl broadcast-config menu.yaml --bot \(id)`; docs/menu.md tells what is in the file")
    }

    /// What came of asking Telegram who a new token's bot is.
    static func token(_ answer: TokenAnswer, of id: BotID) -> BotTrouble? {
        switch answer {
        case .accepted, .unasked: nil
        case .refused:
            BotTrouble(
                .tokenRefused, .failure, "Telegram refuses the token",
                mend: "`fleetctl bot set-token \(id)` with the token that BotFather shows")
        case .unknown(let reason):
            BotTrouble(
                .tokenUnchecked, .warning, "Telegram was not asked whether the token is right: \(reason)",
                mend: "`fleetctl status` shows later whether updates come in")
        }
    }
}
