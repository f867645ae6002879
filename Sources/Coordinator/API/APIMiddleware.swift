import FleetModel
import HTTPTypes
import Hummingbird
import Logging

/// Turns every error into an ``APIError``, and an unknown path into one that says so.
struct ErrorMiddleware: RouterMiddleware {
    let logger: Logger

    func handle(
        _ request: Request,
        context: APIContext,
        next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let failure as APIFailure {
            if failure.status >= 500 {
                logger.warning("\(failure)", metadata: ["path": "\(request.uri.path)"])
            }
            return APIJSON.response(failure)
        } catch let error as HTTPError {
            if error.status == .notFound {
                return APIJSON.response(.notFound("there is no \(request.method) \(request.uri.path)"))
            }
            return APIJSON.response(.badRequest(error.body ?? error.status.reasonPhrase))
        } catch {
            logger.error("unexpected: \(error)", metadata: ["path": "\(request.uri.path)"])
            return APIJSON.response(.internal("unexpected error; the coordinator's log has it"))
        }
    }
}

/// Lets through only who bears a valid token.
struct BearerMiddleware: RouterMiddleware {
    let fleet: any FleetOperations

    func handle(
        _ request: Request,
        context: APIContext,
        next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        guard let token = Self.token(in: request.headers) else { throw APIFailure.unauthorized }
        guard let author = try await fleet.author(bearing: token) else { throw APIFailure.unauthorized }
        var context = context
        context.author = author
        return try await next(request, context)
    }

    /// RFC 6750, section 2.1; the scheme's case does not matter (RFC 9110, section 11.1).
    static func token(in headers: HTTPFields) -> Secret? {
        guard let value = headers[.authorization] else { return nil }
        let parts = value.split(separator: " ", omittingEmptySubsequences: true)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        return Secret(String(parts[1]))
    }
}
