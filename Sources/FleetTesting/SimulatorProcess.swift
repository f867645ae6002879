import Foundation
import HTTPTransport

/// The project's simulator of Telegram, started for a test on a free port.
public struct SimulatorProcess: Sendable {
    public let process: BuiltProcess
    /// `http://127.0.0.1:<port>`
    public let url: String
    private let transport: HTTPTransport

    public struct Failed: Error, CustomStringConvertible {
        public let description: String
    }

    public struct Bot: Sendable {
        /// Telegram's id.
        public let id: Int64
        public let token: String
    }

    /// One entry of a bot's log; see docs/simulator.md.
    public struct Entry: Decodable, Sendable {
        public let type: String
        public let method: String?
        public let chat: Int64?
        public let text: String?
        public let update_id: Int64?
        /// When a call came in, in microseconds.
        public let at_us: Int64?
    }

    public static func start(_ arguments: [String] = []) async throws -> SimulatorProcess {
        let process = try BuiltProcess("telegram-simulator", ["--listen", "127.0.0.1:0"] + arguments)
        guard await process.writes("http://127.0.0.1:"),
            let port = process.stderr.components(separatedBy: "http://127.0.0.1:").dropFirst().first?
                .prefix(while: \.isNumber), !port.isEmpty
        else { throw Failed(description: "the simulator did not start: \(process.stderr)") }
        return SimulatorProcess(process: process, url: "http://127.0.0.1:\(port)", transport: try HTTPTransport())
    }

    /// A new bot that may write to any chat, whether somebody spoke there before or not.
    public func addBot() async throws -> Bot {
        struct Answer: Decodable {
            struct Bot: Decodable {
                let id: Int64
                let token: String
            }
            let bots: [Bot]
        }
        let answer: Answer = try await post("/sim/bots", #"{"accept_unknown":true}"#)
        guard let bot = answer.bots.first else { throw Failed(description: "the simulator made no bot") }
        return Bot(id: bot.id, token: bot.token)
    }

    /// Users speak; the bot's updates follow.
    public func say(_ bot: Bot, _ messages: [(chat: Int64, text: String)]) async throws {
        struct Ignored: Decodable {}
        let items = messages.map { ["chat": $0.chat, "text": $0.text] as [String: Any] }
        let body = try JSONSerialization.data(withJSONObject: items)
        let _: Ignored = try await post("/sim/bots/\(bot.id)/say", String(decoding: body, as: UTF8.self))
    }

    /// Everything the bot did and got, oldest first.
    public func log(_ bot: Bot) async throws -> [Entry] {
        struct Page: Decodable {
            let entries: [Entry]
            let next: Int64
        }
        var entries: [Entry] = []
        var after: Int64 = 0
        while true {
            let page: Page = try await get("/sim/bots/\(bot.id)/log?after=\(after)&limit=10000")
            entries += page.entries
            if page.entries.isEmpty { return entries }
            after = page.next
        }
    }

    /// What the bot sent, in order: chat and text of its `sendMessage` calls.
    public func sent(_ bot: Bot) async throws -> [(chat: Int64, text: String)] {
        try await log(bot).compactMap { entry in
            guard entry.type == "call", entry.method == "sendMessage", let chat = entry.chat else { return nil }
            return (chat, entry.text ?? "")
        }
    }

    /// Adds a rule for calls that go wrong; see docs/simulator.md.
    public func fault(_ rule: String) async throws {
        struct Ignored: Decodable {}
        let _: Ignored = try await post("/sim/faults", rule)
    }

    public func post<Answer: Decodable>(_ path: String, _ json: String) async throws -> Answer {
        try await request(.post, path, Array(json.utf8))
    }

    public func get<Answer: Decodable>(_ path: String) async throws -> Answer { try await request(.get, path, []) }

    private func request<Answer: Decodable>(
        _ method: HTTPMethod, _ path: String, _ body: [UInt8]
    ) async throws -> Answer {
        let headers = body.isEmpty ? [] : [HTTPField.json]
        let response = try await transport.send(
            HTTPRequest(method: method, url: url + path, headers: headers, body: body, deadline: .seconds(30)))
        guard response.status == 200 else {
            throw Failed(description: "\(path): \(response.status) \(String(decoding: response.body, as: UTF8.self))")
        }
        return try JSONDecoder().decode(Answer.self, from: Data(response.body))
    }
}
