import FleetModel

extension FleetTables {
    /// How many lanes a bot has; with an arrow, how many it will have.
    static func lanes(_ bot: BotView) -> String {
        guard let lanes = bot.lanes, lanes.lanes != bot.spec.lanes else { return String(bot.spec.lanes) }
        return "\(lanes.lanes)→\(bot.spec.lanes)"
    }

    /// A line on what a change of the lanes waits for, while there is one.
    static func laneChange(_ bot: BotView) -> String? {
        laneProgress(bot).map { "\(bot.spec.id): \($0)" }
    }

    static func lanesAtLength(_ bot: BotView) -> String {
        laneProgress(bot).map { "\(lanes(bot)), \($0)" } ?? lanes(bot)
    }

    private static func laneProgress(_ bot: BotView) -> String? {
        guard let lanes = bot.lanes else { return nil }
        if lanes.state == .closing {
            let progress = "closing epoch \(lanes.epoch): \(lanes.sealed ?? 0) of \(lanes.lanes) lanes sealed"
            return bot.spec.desired == .stopped ? "\(progress); goes on when the bot runs" : progress
        }
        return lanes.lanes == bot.spec.lanes ? nil : "the change is about to begin"
    }

    /// A row for each worker with the lanes it serves, those it should and does not yet, and those it stands by for.
    static func places(_ bot: BotView) -> [(name: String, value: String)] {
        guard let places = bot.lanes?.places else { return [] }
        let names = Set(places.flatMap { [$0.owner, $0.standby, $0.holder].compactMap(\.self) })
        return names.sorted { ($0.count, $0) < ($1.count, $1) }.map { name in
            let served = numbers(places.filter { $0.holder == name })
            let missing = numbers(places.filter { $0.owner == name && $0.holder != name })
            let standing = numbers(places.filter { $0.standby == name && $0.holder != name })
            let parts = [
                served.isEmpty ? "no lane" : served, missing.isEmpty ? nil : "to get \(missing)",
                standing.isEmpty ? nil : "stands by for \(standing)",
            ]
            return (name, parts.compactMap(\.self).joined(separator: "; "))
        }
    }

    /// `mover, 0-2, 5`.
    static func numbers(_ places: [LanesView.Place]) -> String {
        var ranges: [ClosedRange<Int32>] = []
        for number in places.map(\.number).sorted() where number >= 0 {
            if let last = ranges.last, last.upperBound == number - 1 {
                ranges[ranges.count - 1] = last.lowerBound...number
            } else {
                ranges.append(number...number)
            }
        }
        let lanes = ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
        return ((places.contains { $0.number == LaneLayout.moverNumber } ? ["mover"] : []) + lanes)
            .joined(separator: ", ")
    }
}
