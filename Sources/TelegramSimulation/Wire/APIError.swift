/// A refusal in the form the Bot API gives it: `error_code`, `description`, and `parameters.retry_after` for 429.
///
/// The texts are those of Telegram's own server (github.com/tdlib/telegram-bot-api), because clients match on them.
public struct APIError: Error, Sendable, Equatable, CustomStringConvertible {
    public let code: Int
    public let text: String
    /// Seconds.
    public let retryAfter: Int?

    public init(_ code: Int, _ text: String, retryAfter: Int? = nil) {
        self.code = code
        self.text = text
        self.retryAfter = retryAfter
    }

    public var description: String { "\(code): \(text)" }

    public static let unauthorized = APIError(401, "Unauthorized")
    public static let notFound = APIError(404, "Not Found")
    static let chatNotFound = APIError.badRequest("chat not found")
    static let blocked = APIError(403, "Forbidden: bot was blocked by the user")

    public static func badRequest(_ text: String) -> APIError { APIError(400, "Bad Request: \(text)") }
    static func conflict(_ text: String) -> APIError { APIError(409, "Conflict: \(text)") }
    static func notSimulated(_ method: String) -> APIError {
        APIError(404, "Not Found: method \(method) is not simulated")
    }
    static func tooManyRequests(after seconds: Int) -> APIError {
        APIError(429, "Too Many Requests: retry after \(seconds)", retryAfter: seconds)
    }

    static let otherPoller = conflict(
        "terminated by other getUpdates request; make sure that only one bot instance is running"
    )
    static let webhookTookOver = conflict("terminated by setWebhook request")
    static let webhookActive = conflict(
        "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
    )
}
