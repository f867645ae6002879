import FleetModel
import HTTPTransport

/// Calls of one bot to the Bot API. A value: making one costs nothing, and it prints without its token.
public struct TelegramClient: Sendable {
    public static let defaultBaseURL = "https://api.telegram.org"

    /// Where the API lives, without a trailing slash.
    public let baseURL: String
    public let userID: Int64
    /// `<base>/bot<token>/`
    private let prefix: Secret
    private let transport: HTTPTransport
    private static let headers = [HTTPField.json]

    /// - Parameter baseURL: `http` or `https`, as it stands before `/bot<token>/`.
    public init(token: BotToken, baseURL: String = Self.defaultBaseURL, transport: HTTPTransport) {
        var base = baseURL
        while base.hasSuffix("/") { base.removeLast() }
        self.baseURL = base
        userID = token.userID
        prefix = Secret("\(base)/bot\(token.reveal())/")
        self.transport = transport
    }

    /// A request for an exchange of the transport; ``TelegramReply/init(_:)`` reads its response.
    /// - Parameters:
    ///   - method: a method's name, such as `sendMessage`.
    ///   - body: its parameters as a JSON object; empty for none.
    public func request(
        _ method: String,
        body: [UInt8] = [],
        deadline: Duration = .seconds(30)
    ) -> HTTPRequest {
        HTTPRequest(
            method: .post,
            url: prefix.reveal() + method,
            headers: body.isEmpty ? [] : Self.headers,
            body: body,
            deadline: deadline
        )
    }

    /// Calls a method with ready JSON.
    public func call(
        _ method: String,
        body: [UInt8] = [],
        deadline: Duration = .seconds(30)
    ) async throws(TelegramError) -> TelegramReply {
        let response: HTTPResponse
        do throws(HTTPError) {
            response = try await transport.send(request(method, body: body, deadline: deadline))
        } catch {
            throw .network(error)
        }
        return try TelegramReply(response)
    }

    /// Calls a method by its typed parameters and decodes its result.
    public func call<Method: TelegramMethod>(
        _ method: Method,
        deadline: Duration = .seconds(30)
    ) async throws(TelegramError) -> Method.Result {
        try await call(Method.name, body: method.json(), deadline: deadline).decode(Method.Result.self)
    }

    /// Long polling. Bot API, "getUpdates".
    /// - Parameters:
    ///   - offset: the first `update_id` wanted; all before it count as received from now on. `nil`: what is there.
    ///   - limit: 1...100.
    ///   - timeout: how long the server waits for a first update, in whole seconds.
    ///   - allowedUpdates: `nil` leaves the server's setting as it was.
    ///   - deadline: `nil`: 15 s more than `timeout`, for the way and for a full answer over a slow line.
    public func getUpdates(
        offset: Int64? = nil,
        limit: Int = 100,
        timeout: Duration = .zero,
        allowedUpdates: [String]? = nil,
        deadline: Duration? = nil
    ) async throws(TelegramError) -> [ReceivedUpdate] {
        let parameters = GetUpdates(
            offset: offset,
            limit: limit,
            timeout: Int(timeout.components.seconds),
            allowedUpdates: allowedUpdates
        )
        let reply = try await call(
            GetUpdates.name, body: parameters.json(), deadline: deadline ?? timeout + .seconds(15))
        return try ReceivedUpdate.all(in: reply)
    }
}

extension TelegramClient: CustomStringConvertible, CustomReflectable {
    public var description: String { "bot \(userID)" }
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}
