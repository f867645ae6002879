/// What goes wrong with one call.
public enum Fault: Sendable, Equatable {
    /// 500 with a JSON error; the call has no effect.
    case internalError
    /// 502 with an HTML page, as a proxy in front of Telegram gives it; no effect.
    case badGateway
    /// 429 with this `retry_after` in seconds; no effect.
    case tooManyRequests(retryAfter: Int)
    /// Answered correctly, but this many milliseconds late; takes effect late, too.
    case delay(milliseconds: Int)
    /// Accepted and never answered; no effect. The connection stays open until the client gives up.
    case timeout
    /// The connection is reset (RST) instead of an answer; no effect.
    case reset
    /// Takes effect; half of the answer is written, then the connection is closed.
    case half
    /// Takes effect; the connection is closed without an answer.
    case drop
    /// Takes effect and is never answered.
    case silence

    /// Whether the call is carried out.
    public var takesEffect: Bool {
        switch self {
        case .delay, .half, .drop, .silence: true
        case .internalError, .badGateway, .tooManyRequests, .timeout, .reset: false
        }
    }

    /// Whether the client is kept from an answer to a call that took effect.
    public var losesAnswer: Bool { takesEffect && delay == nil }

    public var delay: Int? { if case .delay(let milliseconds) = self { milliseconds } else { nil } }

    /// What is answered in place of the call's result.
    public var reply: Reply? {
        switch self {
        case .internalError: Reply(APIError(500, "Internal Server Error"))
        case .badGateway:
            Reply(
                status: 502,
                body: Array(
                    "<html><head><title>502 Bad Gateway</title></head><body>Bad Gateway</body></html>\r\n".utf8
                ),
                contentType: .html
            )
        case .tooManyRequests(let seconds): Reply(.tooManyRequests(after: seconds))
        case .delay, .timeout, .reset, .half, .drop, .silence: nil
        }
    }
}
