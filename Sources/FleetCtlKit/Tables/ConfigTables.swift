import FleetModel

/// Config as tables.
public enum ConfigTables {
    public static func show(_ view: ConfigView) -> String {
        if let effective = view.effective {
            var table = TextTable([.init("KEY"), .init("VALUE"), .init("FROM")])
            for entry in effective { table.add([entry.key, entry.value.description, entry.source]) }
            return table.rendered() + "generation \(view.generation)\n"
        }
        var table = TextTable([.init("SCOPE"), .init("KEY"), .init("VALUE")])
        for (scope, values) in view.scopes.sorted(by: { $0.key < $1.key }) {
            for (key, value) in values.sorted(by: { $0.key < $1.key }) { table.add([scope, key, value.description]) }
        }
        let head = "generation \(view.generation)\n"
        return table.isEmpty ? "nothing is set: every key has its default\n" + head : table.rendered() + head
    }

    public static func history(_ generations: [GenerationView]) -> String {
        if generations.isEmpty { return "no changes yet\n" }
        var table = TextTable([
            .init("GEN", .right), .init("WHEN"), .init("WHO"), .init("SCOPE"), .init("CHANGE"), .init("REASON"),
        ])
        for view in generations {
            let change = view.generation
            let parts =
                change.set.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
                + change.unset.sorted().map { "-\($0)" }
            table.add([
                "\(change.number)", String(view.createdAt.description.prefix(19)), view.author,
                change.scope.description,
                parts.joined(separator: " "), view.reason ?? "",
            ])
        }
        return table.rendered()
    }

    /// Why a bot has a key's value.
    public static func explain(_ entry: ConfigView.Entry, bot: BotID) -> String {
        let key = ConfigSchema.key(entry.key)
        return "\(entry.key) of \(bot) is \(entry.value), from \(entry.source)\n"
            + (key.map { "default \($0.standard); takes \($0.accepts)\n\($0.help)\n" } ?? "")
    }
}
