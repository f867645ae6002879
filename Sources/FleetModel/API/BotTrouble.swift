/// Something that is wrong with a bot, and what to do about it; each a line without a secret.
public struct BotTrouble: Sendable, Codable, Equatable {
    public enum Severity: String, Sendable, Codable {
        /// It works, but hardly as meant.
        case warning
        /// Its users get no answers.
        case failure
    }

    public var severity: Severity
    public var text: String
    public var mend: String

    public init(_ severity: Severity, _ text: String, mend: String) {
        self.severity = severity
        self.text = text
        self.mend = mend
    }
}
