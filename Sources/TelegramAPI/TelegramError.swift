import HTTPTransport

/// Why a call to the Bot API had no effect, or may have had none. https://core.telegram.org/bots/api#making-requests
///
/// Texts are Telegram's own descriptions, cut to a bounded length; no URL and no token is part of any of them.
public enum TelegramError: Error, Sendable, Equatable {
    /// 429: nothing may be sent before `retryAfter` has passed.
    case rateLimited(retryAfter: Duration)
    /// 409: another process polls with this token, or a webhook is set.
    case conflict(String)
    /// 401: the token is not, or no longer, valid.
    case unauthorized
    /// 404: no such method, or a token that no bot ever had.
    case notFound
    /// 403: blocked by the user, removed from the chat, and the like.
    case forbidden(String)
    /// 400: the request itself is wrong, or its chat or message does not exist.
    case badRequest(String)
    /// 400 with `migrate_to_chat_id`: the group became a supergroup with this id.
    case migrated(to: Int64)
    /// 5xx.
    case server(status: Int)
    /// Any other refusal.
    case rejected(status: Int, String)
    /// An answer that is not the Bot API's: a proxy's page, half a document.
    case malformedReply(status: Int)
    case network(HTTPError)

    public enum Disposition: Sendable, Equatable {
        /// The same call may succeed later.
        case retry
        case retryAfter(Duration)
        /// This call will fail however often it is sent.
        case giveUp
        /// No call with this token will succeed until an operator has acted.
        case stop
    }

    public var disposition: Disposition {
        switch self {
        case .rateLimited(let delay): .retryAfter(delay)
        case .conflict, .server, .malformedReply: .retry
        case .unauthorized: .stop
        case .notFound, .forbidden, .badRequest, .migrated, .rejected: .giveUp
        case .network(let error): error.disposition == .retry ? .retry : .giveUp
        }
    }

    /// Whether the call may have taken effect all the same, so that repeating it may do it twice.
    public var mayHaveTakenEffect: Bool {
        switch self {
        case .network(let error): error.mayHaveArrived
        case .server, .malformedReply: true
        default: false
        }
    }
}

extension TelegramError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .rateLimited(let delay): "Telegram asks to wait \(delay.components.seconds) s (429)"
        case .conflict(let text): "another process takes this bot's updates (409): \(text)"
        case .unauthorized: "Telegram does not accept the token (401): set the bot's current token"
        case .notFound: "Telegram knows no such bot or method (404): check the token"
        case .forbidden(let text): "not allowed (403): \(text)"
        case .badRequest(let text): "Telegram refused the request (400): \(text)"
        case .migrated(let chat): "the group is now supergroup \(chat)"
        case .server(let status): "Telegram has a problem of its own (\(status)): try again later"
        case .rejected(let status, let text): "Telegram refused the request (\(status)): \(text)"
        case .malformedReply(let status): "the answer (status \(status)) is not the Bot API's: check the API's address"
        case .network(let error): error.description
        }
    }
}
