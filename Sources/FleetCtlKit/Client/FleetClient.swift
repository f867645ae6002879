import FleetModel
import HTTPTransport

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The coordinator's HTTP API, as ``FleetModel/FleetAPI`` describes it.
public struct FleetClient: Sendable {
    private let base: String
    private let token: Secret
    private let transport: HTTPTransport

    /// - Parameter base: `http://127.0.0.1:7410`, with or without a slash at the end.
    public init(base: String, token: Secret, transport: HTTPTransport) {
        self.base = base.hasSuffix("/") ? String(base.dropLast()) : base
        self.token = token
        self.transport = transport
    }

    public func get<Answer: Decodable>(_ path: String, deadline: Duration = .seconds(15)) async throws(Fault) -> Answer
    {
        try decode(try await send(.get, path, [], deadline))
    }

    public func post<Answer: Decodable>(
        _ path: String,
        _ body: some Encodable,
        deadline: Duration = .seconds(30)
    ) async throws(Fault) -> Answer {
        try decode(try await send(.post, path, Self.encode(body), deadline))
    }

    public func patch<Answer: Decodable>(
        _ path: String,
        _ body: some Encodable,
        deadline: Duration = .seconds(30)
    ) async throws(Fault) -> Answer {
        try decode(try await send(.patch, path, Self.encode(body), deadline))
    }

    /// A `POST` that says everything with its path.
    public func post<Answer: Decodable>(_ path: String, deadline: Duration = .seconds(30)) async throws(Fault) -> Answer
    {
        try decode(try await send(.post, path, [], deadline))
    }

    public func delete<Answer: Decodable>(_ path: String) async throws(Fault) -> Answer {
        try decode(try await send(.delete, path, [], .seconds(30)))
    }

    public func delete(_ path: String) async throws(Fault) {
        _ = try await send(.delete, path, [], .seconds(30))
    }

    private static func encode(_ body: some Encodable) throws(Fault) -> [UInt8] {
        do {
            return [UInt8](try JSONEncoder().encode(body))
        } catch {
            throw Fault("the request cannot be written as JSON: \(error)")
        }
    }

    private func send(
        _ method: HTTPMethod,
        _ path: String,
        _ body: [UInt8],
        _ deadline: Duration
    ) async throws(Fault) -> [UInt8] {
        var headers = [HTTPField("Authorization", "Bearer \(token.reveal())")]
        if !body.isEmpty { headers.append(.json) }
        let request = HTTPRequest(method: method, url: base + path, headers: headers, body: body, deadline: deadline)
        let response: HTTPResponse
        do throws(HTTPError) {
            response = try await transport.send(request)
        } catch {
            throw Self.fault(error, changes: method != .get)
        }
        if (200..<300).contains(response.status) { return response.body }
        throw Self.fault(status: response.status, body: response.body)
    }

    static func fault(_ error: HTTPError, changes: Bool) -> Fault {
        if changes, error.mayHaveArrived {
            return Fault(
                "no answer from the coordinator (\(error)); it may have been done: look with `fleetctl status`")
        }
        return Fault("no coordinator: \(error); start one with `fleetctl up`, or name it with --coordinator")
    }

    static func fault(status: Int, body: [UInt8]) -> Fault {
        if status == 401 {
            return Fault(
                "the coordinator refused the token; name the right one with --api-token-file or FLEET_API_TOKEN")
        }
        guard let error = try? JSONDecoder().decode(APIError.self, from: Data(body)) else {
            return Fault("the coordinator answered with status \(status) and no reason; see its log")
        }
        let problems = (error.problems ?? []).map(\.description)
        return Fault(problems.isEmpty ? error.message : "\(error.message): \(problems.joined(separator: "; "))")
    }

    private func decode<Answer: Decodable>(_ bytes: [UInt8]) throws(Fault) -> Answer {
        do {
            return try JSONDecoder().decode(Answer.self, from: Data(bytes))
        } catch {
            throw Fault("the coordinator's answer is not what this fleetctl reads; do their versions fit?")
        }
    }
}
