import FleetModel

/// What the doctor says of bots: a trouble that several have once, with their names.
enum BotFindings {
    private static let namesShown = 5

    static func of(_ bots: [BotView]) -> [Finding] {
        var codes: [BotTrouble.Code] = []
        var with: [BotTrouble.Code: [(bot: BotID, trouble: BotTrouble)]] = [:]
        for bot in bots {
            for trouble in bot.troubles ?? [] {
                if with[trouble.code] == nil { codes.append(trouble.code) }
                with[trouble.code, default: []].append((bot.spec.id, trouble))
            }
        }
        var findings = codes.compactMap { with[$0].flatMap(finding) }
        let letters = bots.reduce(0) { $0 + $1.deadLetters }
        if letters > 0 {
            findings.append(
                .warning(
                    "dead letters", "\(NumberText.grouped(letters)) not replayed",
                    mend: "`fleetctl dlq list --unreplayed`, then replay or purge them"))
        }
        return findings
    }

    /// In the words of the first.
    private static func finding(_ all: [(bot: BotID, trouble: BotTrouble)]) -> Finding? {
        guard let first = all.first else { return nil }
        var names = all.prefix(namesShown).map(\.bot.rawValue).joined(separator: ", ")
        if all.count > namesShown { names += " and \(all.count - namesShown) more" }
        let detail = all.count == 1 ? first.trouble.text : "\(names): \(first.trouble.text)"
        let check = all.count == 1 ? "bot \(names)" : "\(all.count) bots"
        return first.trouble.severity == .failure
            ? .failed(check, detail, mend: first.trouble.mend) : .warning(check, detail, mend: first.trouble.mend)
    }
}
