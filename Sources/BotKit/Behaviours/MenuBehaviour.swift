import FleetModel

/// Leads through the tree of screens in the config key `menu`: commands and buttons open screens, a button's screen
/// replaces the one it was pressed on. The session remembers the screen the chat is at.
public struct MenuBehaviour: Behaviour {
    public static let name = "menu"

    public init() {}

    public func handle(_ update: UpdateEnvelope, _ context: inout Context) async throws {
        guard let value = context.config.value("menu") else { return }
        let menu: MenuTree
        do {
            menu = try MenuTree(value)
        } catch {
            throw GiveUp(error.reason)
        }
        switch update.kind {
        case .message:
            open(screen(for: update.text ?? "", in: menu), of: menu, &context, replacing: false)
        case .callbackQuery:
            context.answerCallback()
            let target = update.callbackData.flatMap { $0.hasPrefix("go:") ? String($0.dropFirst(3)) : nil }
            // A button of an older menu may name a screen that is gone: begin again.
            open(
                target.flatMap { menu.screens[$0] == nil ? nil : $0 } ?? menu.start,
                of: menu,
                &context,
                replacing: true
            )
        default:
            return
        }
    }

    private func screen(for text: String, in menu: MenuTree) -> String {
        guard text.hasPrefix("/") else { return menu.start }
        // `/help@my_bot argument` is the command `help`.
        let command = text.dropFirst().prefix { $0 != " " && $0 != "@" && $0 != "\n" }
        return menu.commands[String(command)] ?? menu.start
    }

    private func open(_ name: String, of menu: MenuTree, _ context: inout Context, replacing: Bool) {
        guard let screen = menu.screens[name] else { return }
        let rows = screen.keyboard.map { $0.map { InlineKeyboard.Button(label: $0.label, data: "go:\($0.screen)") } }
        let keyboard = rows.isEmpty ? nil : InlineKeyboard(rows: rows)
        if replacing {
            context.edit(screen.text, keyboard: keyboard)
        } else {
            context.reply(screen.text, keyboard: keyboard)
        }
        context.session = Array(name.utf8)
    }
}
