import Foundation
import HTTPTransport
import Testing

/// A simulator with one bot, over HTTP.
final class SimulatorClient: Sendable {
    let url: String
    let transport: HTTPTransport
    let token: String
    let id: Int64

    private init(url: String, transport: HTTPTransport, token: String, id: Int64) {
        self.url = url
        self.transport = transport
        self.token = token
        self.id = id
    }

    /// Runs `body` with a simulator of its own and ends it afterwards.
    static func with(_ arguments: [String] = [], _ body: (SimulatorClient) async throws -> Void) async throws {
        let process = try SimulatorUnderTest(arguments)
        let transport = try HTTPTransport()
        let made = try await send(transport, .post, process.url + "/sim/bots", [], [])
        let bot = try #require((made.object["bots"] as? [[String: Any]])?.first)
        let client = SimulatorClient(
            url: process.url, transport: transport, token: try #require(bot["token"] as? String),
            id: try #require((bot["id"] as? NSNumber)?.int64Value))
        do {
            try await body(client)
        } catch {
            await transport.shutdown()
            process.stop()
            throw error
        }
        await transport.shutdown()
        #expect(process.stop() == 0)
    }

    struct Answer: @unchecked Sendable {
        // @unchecked: the dictionary is what JSONSerialization made, and nobody changes it.
        let status: Int
        let object: [String: Any]
        let contentType: String?

        var ok: Bool { object["ok"] as? Bool ?? false }
        var description: String { object["description"] as? String ?? "" }
        var entries: [[String: Any]] { object["entries"] as? [[String: Any]] ?? [] }
        var texts: [String] {
            (object["result"] as? [[String: Any]] ?? []).compactMap {
                ($0["message"] as? [String: Any])?["text"] as? String
            }
        }
    }

    /// A call with a body of this content type.
    func call(
        _ method: String, _ body: String = "{}", type: String = "application/json", deadline: Duration = .seconds(20)
    ) async throws -> Answer {
        try await Self.send(
            transport, .post, "\(url)/bot\(token)/\(method)", [HTTPField("Content-Type", type)],
            Array(body.utf8), deadline: deadline)
    }

    /// sendMessage to chat 5 over a connection of its own. On one that has served before, libcurl takes a broken
    /// connection for one that was closed while idle, and sends the request again by itself.
    func sendOverNewConnection(_ text: String, deadline: Duration = .seconds(20)) async throws -> Answer {
        let transport = try HTTPTransport()
        do {
            let answer = try await Self.send(
                transport, .post, "\(url)/bot\(token)/sendMessage", [.json],
                Array(#"{"chat_id":5,"text":"\#(text)"}"#.utf8), deadline: deadline)
            await transport.shutdown()
            return answer
        } catch {
            await transport.shutdown()
            throw error
        }
    }

    func get(_ path: String) async throws -> Answer {
        try await Self.send(transport, .get, "\(url)\(path)", [], [])
    }

    func control(_ path: String, _ body: String) async throws -> Answer {
        try await Self.send(transport, .post, "\(url)/sim/\(path)", [], Array(body.utf8))
    }

    @discardableResult func say(_ text: String) async throws -> Answer {
        try await control("bots/\(id)/say", #"{"chat":5,"text":"\#(text)"}"#)
    }

    /// The texts that the bot has sent to chat 5.
    func sent() async throws -> [String] {
        try await get("/sim/bots/\(id)/transcript?chat=5").entries
            .filter { $0["direction"] as? String == "out" }.compactMap { $0["text"] as? String }
    }

    private static func send(
        _ transport: HTTPTransport, _ method: HTTPMethod, _ url: String, _ headers: [HTTPField], _ body: [UInt8],
        deadline: Duration = .seconds(20)
    ) async throws -> Answer {
        let request = HTTPRequest(method: method, url: url, headers: headers, body: body, deadline: deadline)
        let response = try await transport.send(request)
        let object = try? JSONSerialization.jsonObject(with: Data(response.body)) as? [String: Any]
        return Answer(status: response.status, object: object ?? [:], contentType: response.headers["content-type"])
    }
}
