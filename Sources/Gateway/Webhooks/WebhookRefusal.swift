/// Why a request is not answered with 200, as the HTTP status that says so. Telegram sends the update again after any
/// of them.
public enum WebhookRefusal: Int, Error, Sendable {
    /// No body, or its end did not come.
    case badRequest = 400
    /// The secret is missing or wrong.
    case unauthorized = 401
    case unknownPath = 404
    /// Only POST.
    case wrongMethod = 405
    case tooSlow = 408
    case tooLarge = 413
    /// Only JSON.
    case wrongType = 415
    /// Too many requests at once; the queue is full; the broker is away or did not confirm in time.
    case unavailable = 503
}
