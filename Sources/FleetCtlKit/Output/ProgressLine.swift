/// Progress for people: on a terminal one line that is drawn again and again, else a line every few seconds.
public struct ProgressLine: Sendable {
    private let isTerminal: Bool
    private let every: Duration
    private var last: ContinuousClock.Instant?
    private var isDrawn = false
    private let width: Int

    /// - Parameter every: the time between two lines when there is no terminal.
    public init(isTerminal: Bool, every: Duration = .seconds(5), width: Int = 80) {
        self.isTerminal = isTerminal
        self.every = every
        self.width = width
    }

    /// What to write for `text` now; empty when it is too early for another line.
    public mutating func update(_ text: String, now: ContinuousClock.Instant) -> String {
        if isTerminal {
            isDrawn = true
            return "\r\u{1b}[K" + String(text.prefix(width - 1))
        }
        if let last, now - last < every { return "" }
        last = now
        return text + "\n"
    }

    /// A line that stays, above the one that is drawn.
    public mutating func note(_ text: String) -> String {
        defer { isDrawn = false }
        return isDrawn ? "\r\u{1b}[K" + text + "\n" : text + "\n"
    }
}

/// `[#######···]`
public enum ProgressBar {
    public static func text(done: Int, of total: Int, width: Int = 24) -> String {
        let filled = total > 0 ? min(width, max(0, done * width / total)) : 0
        return "[" + String(repeating: "#", count: filled) + String(repeating: "·", count: width - filled) + "]"
    }
}
