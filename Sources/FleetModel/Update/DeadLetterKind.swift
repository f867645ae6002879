/// Why an update was given up, as one word to filter by. The reason beside it says it in full.
public enum DeadLetterKind: String, Sendable, Codable, CaseIterable {
    /// The handler failed its last attempt, took too long, or said that no attempt would help.
    case handler
    /// No update can be read from the body.
    case unreadable
    /// Its handler ended the worker's process again and again.
    case crash
    /// The database refused its effects.
    case database
    /// RabbitMQ gave it up by itself, such as at its limit of deliveries.
    case broker
}
