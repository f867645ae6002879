import FleetModel
import Foundation
import HTTPTransport

/// Talks to a coordinator's API as `fleetctl` does.
struct APIClient: Sendable {
    struct Answer {
        let status: Int
        let body: [UInt8]
        func decoded<Value: Decodable>(_ type: Value.Type) throws -> Value {
            try JSONDecoder().decode(type, from: Data(body))
        }
    }

    private let transport: HTTPTransport
    private let base: String
    var token: String?

    init(port: Int, tokenFile: String) throws {
        transport = try HTTPTransport()
        base = "http://127.0.0.1:\(port)"
        token = try String(contentsOfFile: tokenFile, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    func close() async { await transport.shutdown() }

    func get(_ path: String) async throws -> Answer { try await send(.get, path, []) }
    func delete(_ path: String) async throws -> Answer { try await send(.delete, path, []) }
    func post(_ path: String) async throws -> Answer { try await send(.post, path, []) }
    func post(_ path: String, _ body: some Encodable) async throws -> Answer {
        try await send(.post, path, Array(try JSONEncoder().encode(body)))
    }

    func patch(_ path: String, _ body: some Encodable) async throws -> Answer {
        try await send(.patch, path, Array(try JSONEncoder().encode(body)))
    }

    func get<Value: Decodable>(_ path: String, _ type: Value.Type) async throws -> Value {
        try await get(path).decoded(type)
    }

    private func send(_ method: HTTPMethod, _ path: String, _ body: [UInt8]) async throws -> Answer {
        var headers = [HTTPField.json]
        if let token { headers.append(HTTPField("Authorization", "Bearer \(token)")) }
        let request = HTTPRequest(
            method: method, url: base + path, headers: headers, body: body, deadline: .seconds(60))
        let response = try await transport.send(request)
        return Answer(status: response.status, body: response.body)
    }

    func addBot(_ id: String, labels: [String: String] = [:], lanes: Int = 1, workers: Int = 1) async throws -> Answer {
        guard let bot = BotID(id) else { preconditionFailure("not a bot id: \(id)") }
        let spec = BotSpec(id: bot, behaviour: "echo", labels: labels, lanes: lanes, workers: workers)
        // Each bot has a token of its own; that of `a` begins with 4839574812.
        let number = id.utf8.reduce(4_839_574_715) { $0 + Int($1) }
        return try await post(
            "/v1/bots", AddBotRequest(spec: spec, token: "\(number):AAFD39kkdpWt3ywyRZergyOLMaJhac60qcK"))
    }

    func broadcast(
        _ scope: ConfigScope = .global, greeting: String = "Hi", timeout: Int = 600_000
    ) async throws -> TallyView {
        let request = ConfigBroadcastRequest(
            scope: scope, set: ["greeting": .string(greeting)], timeoutMilliseconds: timeout)
        return try await post("/v1/config", request).decoded(TallyView.self)
    }

    // The API has no events yet, so tests look again until a state is there; their time limit bounds it.

    func untilHealthy() async throws {
        while try await get("/v1/health", HealthView.self).status != "ok" {
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    func untilWorkers(_ condition: ([WorkerView]) -> Bool) async throws -> [WorkerView] {
        while true {
            let workers = try await get("/v1/workers", [WorkerView].self)
            if condition(workers) { return workers }
            try await Task.sleep(for: .milliseconds(5))
        }
    }
}
