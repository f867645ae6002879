/// The config of the menu behaviour: a tree of screens, each with a text, an optional keyboard, and commands that
/// lead to screens.
///
/// ```yaml
/// menu:
///   start: home                      # the screen that /start and unknown text lead to
///   commands: {help: help}           # /help opens the screen `help`
///   screens:
///     home:
///       text: "Welcome to the shop."
///       keyboard:
///         - [{label: "Opening hours", screen: hours}, {label: "Help", screen: help}]
///     hours: {text: "Mo-Fr 9-18"}
///     help: {text: "Ask away.", keyboard: [[{label: "Back", screen: home}]]}
/// ```
public struct MenuTree: Sendable, Equatable {
    public var start: String
    public var commands: [String: String]
    public var screens: [String: Screen]

    public struct Screen: Sendable, Equatable {
        public var text: String
        public var keyboard: [[Button]]
    }

    public struct Button: Sendable, Equatable {
        public var label: String
        public var screen: String
    }

    /// What is wrong with a value for a menu; `nil` when it is usable. An empty map is a menu without screens.
    public static func problem(in value: ConfigValue) -> String? {
        do throws(Invalid) {
            _ = try MenuTree(value)
            return nil
        } catch {
            return error.reason
        }
    }

    public struct Invalid: Error {
        public let reason: String
    }

    public init(_ value: ConfigValue) throws(Invalid) {
        let root = try Self.map(value, "menu", allowed: ["start", "commands", "screens"])
        start = ""
        commands = [:]
        screens = [:]
        if root.isEmpty { return }
        for (name, screen) in try Self.map(root["screens"] ?? .object([:]), "menu.screens") {
            screens[name] = try Self.screen(screen, "menu.screens.\(name)")
        }
        start = try Self.text(root["start"], "menu.start")
        for (command, target) in try Self.map(root["commands"] ?? .object([:]), "menu.commands") {
            commands[command] = try Self.text(target, "menu.commands.\(command)")
        }
        try checkTargets()
    }

    private func checkTargets() throws(Invalid) {
        func check(_ target: String, _ path: String) throws(Invalid) {
            if screens[target] == nil { throw Invalid(reason: "\(path): there is no screen '\(target)'") }
        }
        try check(start, "menu.start")
        for (command, target) in commands { try check(target, "menu.commands.\(command)") }
        for (name, screen) in screens {
            for button in screen.keyboard.joined() { try check(button.screen, "menu.screens.\(name).keyboard") }
        }
    }

    private static func screen(_ value: ConfigValue, _ path: String) throws(Invalid) -> Screen {
        let members = try map(value, path, allowed: ["text", "keyboard"])
        let text = try text(members["text"], "\(path).text")
        if text.isEmpty || text.count > 4096 { throw Invalid(reason: "\(path).text: expected 1 to 4096 characters") }
        var keyboard: [[Button]] = []
        if let rows = members["keyboard"] {
            guard case .list(let rows) = rows else {
                throw Invalid(reason: "\(path).keyboard: expected a list of rows")
            }
            for row in rows {
                guard case .list(let buttons) = row else {
                    throw Invalid(reason: "\(path).keyboard: expected each row to be a list of buttons")
                }
                var parsed: [Button] = []
                for button in buttons { parsed.append(try self.button(button, "\(path).keyboard")) }
                keyboard.append(parsed)
            }
        }
        return Screen(text: text, keyboard: keyboard)
    }

    private static func button(_ value: ConfigValue, _ path: String) throws(Invalid) -> Button {
        let members = try map(value, path, allowed: ["label", "screen"])
        let button = Button(
            label: try text(members["label"], "\(path).label"), screen: try text(members["screen"], "\(path).screen"))
        // Bot API, InlineKeyboardButton: callback_data has 1 to 64 bytes.
        if button.screen.utf8.count > 60 {
            throw Invalid(reason: "\(path).screen: a screen's name has at most 60 bytes")
        }
        return button
    }

    private static func map(
        _ value: ConfigValue, _ path: String, allowed: [String]? = nil
    ) throws(Invalid) -> [String: ConfigValue] {
        guard case .object(let members) = value else {
            throw Invalid(reason: "\(path): expected a map, got \(value.typeName)")
        }
        if let allowed, let stray = members.keys.sorted().first(where: { !allowed.contains($0) }) {
            throw Invalid(reason: "\(path): unknown member '\(stray)'; expected \(allowed.joined(separator: ", "))")
        }
        return members
    }

    private static func text(_ value: ConfigValue?, _ path: String) throws(Invalid) -> String {
        guard case .string(let text) = value else { throw Invalid(reason: "\(path): expected text") }
        return text
    }
}
