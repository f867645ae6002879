public import FleetModel

/// An error of the API with its HTTP status. Each kind of failure has one code and one status.
public struct APIFailure: Error, Sendable, Equatable, CustomStringConvertible {
    public let status: Int
    public let error: APIError

    init(_ status: Int, _ code: String, _ message: String, problems: [ConfigProblem]? = nil) {
        self.status = status
        error = APIError(code: code, message: message, problems: problems)
    }

    public var description: String { error.message }

    static func badRequest(_ message: String) -> APIFailure { APIFailure(400, "bad_request", message) }
    static let unauthorized = APIFailure(
        401,
        "unauthorized",
        "this needs the header 'Authorization: Bearer TOKEN' with the token from the coordinator's token file"
    )
    static func notFound(_ message: String) -> APIFailure { APIFailure(404, "not_found", message) }
    static func conflict(_ message: String) -> APIFailure { APIFailure(409, "conflict", message) }
    static func tooLarge(limit: Int) -> APIFailure {
        APIFailure(413, "too_large", "the body has more than \(limit) bytes; send less")
    }
    static func invalid(_ message: String, _ problems: [ConfigProblem]) -> APIFailure {
        APIFailure(422, "invalid", message, problems: problems)
    }
    static func `internal`(_ message: String) -> APIFailure { APIFailure(500, "internal", message) }
    static func unavailable(_ message: String) -> APIFailure { APIFailure(503, "unavailable", message) }

    static func noSuchBot(_ id: BotID) -> APIFailure {
        .notFound("there is no bot '\(id)'; `fleetctl bot list` shows all")
    }
}
