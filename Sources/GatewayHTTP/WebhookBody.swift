import Gateway
import HTTPTypes
import Hummingbird
import NIOCore

/// A request's body: JSON, bounded, and there in time.
enum WebhookBody {
    static func read(
        from request: Request, _ configuration: WebhookConfiguration
    ) async throws(WebhookRefusal) -> [UInt8] {
        guard isJSON(request.headers[.contentType]) else { throw .wrongType }
        let length = request.headers[.contentLength].flatMap { Int($0) }
        if let length, length > configuration.bodyLimit { throw .tooLarge }
        let result = await withTaskGroup(of: Result<[UInt8], WebhookRefusal>.self) { group in
            group.addTask { await collect(request.body, upTo: configuration.bodyLimit) }
            group.addTask {
                try? await Task.sleep(for: configuration.readDeadline)
                return .failure(.tooSlow)
            }
            let first = await group.next()
            group.cancelAll()
            return first ?? .failure(.tooSlow)
        }
        let body = try result.get()
        if let length, body.count != length { throw .badRequest }
        return body
    }

    private static func collect(_ body: RequestBody, upTo limit: Int) async -> Result<[UInt8], WebhookRefusal> {
        do {
            return .success(Array(buffer: try await body.collect(upTo: limit)))
        } catch is NIOTooManyBytesError {
            return .failure(.tooLarge)
        } catch {
            return .failure(.badRequest)
        }
    }

    private static func isJSON(_ type: String?) -> Bool {
        guard let type else { return false }
        return type.prefix { $0 != ";" && $0 != " " }.lowercased() == "application/json"
    }
}
