/// Something that is wrong with a bot, and what to do about it; each a line without a secret.
public struct BotTrouble: Sendable, Codable, Equatable {
    public enum Severity: String, Sendable, Codable {
        /// It works, but hardly as meant.
        case warning
        /// Its users get no answers.
        case failure
    }

    /// What it is, whichever bot has it.
    public enum Code: String, Sendable, Codable {
        case notTakenIn = "not_taken_in"
        case tokenRefused = "token_refused"
        case intakeConflict = "intake_conflict"
        case intakeFailing = "intake_failing"
        case notServed = "not_served"
        case noMenu = "no_menu"
        case tokenUnchecked = "token_unchecked"
    }

    public var code: Code
    public var severity: Severity
    public var text: String
    public var mend: String

    public init(_ code: Code, _ severity: Severity, _ text: String, mend: String) {
        self.code = code
        self.severity = severity
        self.text = text
        self.mend = mend
    }
}
