import FleetModel

/// Dead letters as tables.
public enum DeadLetterTables {
    public static func list(_ letters: [DeadLetterView]) -> String {
        if letters.isEmpty { return "no dead letters\n" }
        var table = TextTable([
            .init("NUMBER", .right), .init("BOT"), .init("UPDATE", .right), .init("WHEN"), .init("TRIES", .right),
            .init("REPLAYED"), .init("REASON"),
        ])
        for letter in letters {
            table.add([
                "\(letter.number)", letter.bot.rawValue, letter.updateID.map { "\($0)" } ?? "–",
                String(letter.at.description.prefix(19)), "\(letter.attempts)", letter.replayedAt == nil ? "no" : "yes",
                letter.reason,
            ])
        }
        return table.rendered()
    }

    public static func show(_ letter: DeadLetterView) -> String {
        var out = "dead letter \(letter.number) of \(letter.bot)\n"
        out += "update    \(letter.updateID.map { "\($0)" } ?? "could not be read")\n"
        out += "when      \(letter.at)\n"
        out += "tries     \(letter.attempts)\n"
        out += "reason    \(TextTable.clean(letter.reason))\n"
        out += "replayed  \(letter.replayedAt?.description ?? "no")\n"
        out += "body      \(letter.size) bytes\n"
        if let body = letter.body { out += TextTable.clean(body) + "\n" }
        return out
    }

    public static func replay(_ view: ReplayView) -> String {
        var out = "replayed \(view.replayed.count)\n"
        for failure in view.failed { out += "\(failure.number): \(TextTable.clean(failure.reason))\n" }
        return out
    }
}
