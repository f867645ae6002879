import Gateway
import HTTPTypes
import Hummingbird
import NIOCore

/// Turns requests into calls of ``WebhookIntake``, and what came of them into bare statuses: a stranger learns nothing.
struct WebhookResponder: HTTPResponder {
    let intake: WebhookIntake

    /// Of a refused request the rest is not wanted; so long it has to see its answer.
    private static let linger = TimeAmount.seconds(2)
    /// Seconds after which Telegram is to try again what was not taken. Left to itself it waits ever longer, up to two
    /// minutes, so a short outage would be felt for long.
    private static let retryAfter = "2"
    private static let secretHeader = HTTPField.Name("X-Telegram-Bot-Api-Secret-Token")

    struct Context: InitializableFromSource {
        let channel: any Channel
        init(source: ApplicationRequestContextSource) { channel = source.channel }
    }

    func respond(to request: Request, context: Context) async throws -> Response {
        var hasBody = true
        do throws(WebhookRefusal) {
            guard request.method == .post else { throw .wrongMethod }
            let secret = Self.secretHeader.flatMap { request.headers[$0] }
            try await intake.take(path: Substring(request.uri.path), secret: secret) { () throws(WebhookRefusal) in
                let body = try await WebhookBody.read(from: request, intake.configuration)
                hasBody = false
                return body
            }
            return Response(status: .ok)
        } catch {
            var response = Response(status: HTTPResponse.Status(code: error.rawValue))
            if error == .wrongMethod { response.headers[.allow] = "POST" }
            if error == .unavailable { response.headers[.retryAfter] = Self.retryAfter }
            if hasBody {
                response.headers[.connection] = "close"
                _ = context.channel.eventLoop.scheduleTask(in: Self.linger) { context.channel.close(promise: nil) }
            }
            return response
        }
    }
}
