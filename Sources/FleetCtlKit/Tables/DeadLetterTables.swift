import FleetModel

/// Dead letters as tables.
public enum DeadLetterTables {
    /// - Parameter next: how to ask for the page after this one; `nil` when this is the last.
    public static func list(_ letters: [DeadLetterView], next: String? = nil, now: Timestamp) -> String {
        if letters.isEmpty { return "no dead letters\n" }
        var table = TextTable([
            .init("NUMBER", .right), .init("BOT"), .init("UPDATE", .right), .init("KIND"), .init("AGO", .right),
            .init("REPLAYED"), .init("REASON"),
        ])
        for letter in letters {
            table.add([
                "\(letter.number)", letter.bot.rawValue, letter.updateID.map { "\($0)" } ?? "–", letter.kind.rawValue,
                NumberText.age(milliseconds: now.milliseconds(since: letter.at)),
                letter.replayedAt == nil ? "no" : "yes", letter.reason,
            ])
        }
        return table.rendered() + (next.map { "older ones: \($0)\n" } ?? "")
    }

    public static func show(_ letter: DeadLetterView) -> String {
        var out = "dead letter \(letter.number) of \(letter.bot)\n"
        out += "update    \(letter.updateID.map { "\($0)" } ?? "could not be read")\n"
        out += "kind      \(letter.kind.rawValue)\n"
        out += "reason    \(TextTable.clean(letter.reason))\n"
        out += "tries     \(letter.attempts)\n"
        if let first = letter.firstAt { out += "first     \(first)\n" }
        out += "given up  \(letter.at)\n"
        out += "replayed  \(letter.replayedAt?.description ?? "no")\n"
        out += "body      \(letter.size) bytes\n"
        guard let body = letter.body else { return out }
        let text = JSONIndent.text(Array(body.utf8)) ?? body
        return out
            + text.split(separator: "\n", omittingEmptySubsequences: false)
            .map { TextTable.clean(String($0)) + "\n" }.joined()
    }

    /// How a replay went or goes.
    public static func replay(_ view: ReplayView) -> String {
        if view.total == 0, view.state == .done {
            return "nothing to replay; what was replayed before is meant with --replayed alone\n"
        }
        var out = "replay \(view.number): \(progress(view))\n"
        for failure in view.failures { out += "\(failure.number): \(TextTable.clean(failure.reason))\n" }
        let more = view.failed - Int64(view.failures.count)
        if more > 0 { out += "and \(NumberText.grouped(more)) more\n" }
        if let detail = view.detail { out += TextTable.clean(detail) + "\n" }
        return out
    }

    /// `running, replayed 20 of 3,000, failed 0`
    public static func progress(_ view: ReplayView) -> String {
        "\(view.state.rawValue), replayed \(NumberText.grouped(view.replayed)) of \(NumberText.grouped(view.total)), "
            + "failed \(NumberText.grouped(view.failed))"
    }

    public static func replays(_ views: [ReplayView]) -> String {
        if views.isEmpty { return "no replays since the coordinator started\n" }
        var table = TextTable([
            .init("REPLAY", .right), .init("STATE"), .init("REPLAYED", .right), .init("FAILED", .right),
            .init("OF", .right), .init("STARTED"), .init("WHO"),
        ])
        for view in views {
            table.add([
                "\(view.number)", view.state.rawValue, NumberText.grouped(view.replayed),
                NumberText.grouped(view.failed),
                NumberText.grouped(view.total), String(view.startedAt.description.prefix(19)), view.author,
            ])
        }
        return table.rendered()
    }
}
