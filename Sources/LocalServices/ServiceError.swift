/// Why a private server could not be started, stopped or reached: one line that says what happened, where, and what
/// to do. It never holds a password.
public struct ServiceError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Code: Sendable, Equatable {
        /// A program of a package that is not installed.
        case missingBinary
        /// The unprivileged user a server runs as cannot enter the directory of its data.
        case cannotEnter
        case portTaken
        case diskFull
        case wrongPassword
        /// It ended, or was not ready before the deadline.
        case didNotStart
        case didNotStop
        /// A file of the home does not hold what was written there.
        case damaged
        /// A directory that fleetctl has not made and so does not remove.
        case foreign
        /// A file or process could not be handled; the system's own words are in the text.
        case system
    }

    public let code: Code
    /// What it is about: `PostgreSQL`, `RabbitMQ`, or a program's name.
    public let subject: String
    public let what: String
    public let advice: String

    public init(_ code: Code, _ subject: String, _ what: String, advice: String) {
        self.code = code
        self.subject = subject
        self.what = what
        self.advice = advice
    }

    public var description: String { "\(subject): \(what); \(advice)" }
}
