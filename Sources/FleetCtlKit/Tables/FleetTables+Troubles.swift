import FleetModel

extension FleetTables {
    /// What is wrong with bots: a paragraph each, with what to do.
    public static func troubles(_ bots: [BotView]) -> String {
        bots.flatMap { bot in
            (bot.troubles ?? []).map { trouble in
                let mark = trouble.severity == .failure ? "! " : "? "
                return TextWrap.lines("\(bot.spec.id): \(trouble.text)", first: mark, rest: "  ")
                    + TextWrap.lines(trouble.mend, first: "  -> ", rest: "     ")
            }
        }.joined()
    }
}
