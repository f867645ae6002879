import FleetModel
import HTTPTransport

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The control API of `telegram-simulator`, as far as the demo needs it. docs/simulator.md describes it.
public struct SimulatorClient: Sendable {
    private let base: String
    private let transport: HTTPTransport

    public init(base: String, transport: HTTPTransport) {
        self.base = base
        self.transport = transport
    }

    public struct Bot: Sendable, Decodable {
        public var id: Int64
        public var username: String
        /// Only in the answer to its making.
        public var token: String?
        /// Whether somebody waits for its updates.
        public var polling: Bool
        /// Whether it has a webhook.
        public var webhook: Bool?
    }

    public struct Counts: Sendable, Decodable {
        public var injected: Int
        public var pending: Int
        public var calls: [String: Int]
    }

    /// One entry of a bot's log: an update that was made, or a call that was received.
    public struct Entry: Sendable, Decodable {
        public var seq: Int64
        public var type: String
        public var updateID: Int64?
        public var method: String?
        public var chat: Int64
        public var text: String
        public var injectedAt: Int64?
        public var at: Int64?
        /// When a client was first given the update.
        public var handedOutAt: Int64?
        /// A fault kept the answer of this call from the client.
        public var answerLost: Bool?

        enum CodingKeys: String, CodingKey {
            case seq, type, method, chat, text
            case updateID = "update_id"
            case injectedAt = "injected_at_us"
            case at = "at_us"
            case handedOutAt = "handed_out_at_us"
            case answerLost = "answer_lost"
        }
    }

    private struct Bots: Decodable { var bots: [Bot] }
    private struct NewBot: Encodable {
        var username: String
        var name: String
    }
    private struct Said: Encodable {
        var bot: Int64
        var chat: Int64
        var text: String
    }
    private struct Totals: Decodable { var total: Counts }
    private struct Log: Decodable {
        var entries: [Entry]
        var next: Int64
        var dropped: Int64
    }
    private struct Done: Decodable { var ok: Bool }

    public func makeBots(_ usernames: [String]) async throws(Fault) -> [Bot] {
        let wanted = usernames.map { NewBot(username: $0, name: $0) }
        let made: Bots = try await send(.post, "/sim/bots", try encode(wanted))
        return made.bots
    }

    /// A bot that exists already, as the simulator is to know it.
    public struct KnownBot: Sendable, Encodable {
        var token: String
        var username: String?
        var name: String
        var firstUpdateID: Int64

        enum CodingKeys: String, CodingKey {
            case token, username, name
            case firstUpdateID = "first_update_id"
        }
    }

    public func introduce(_ bot: KnownBot) async throws(Fault) {
        let _: Bots = try await send(.post, "/sim/bots", try encode(bot))
    }

    public func bots() async throws(Fault) -> [Bot] {
        let list: Bots = try await send(.get, "/sim/bots")
        return list.bots
    }

    /// Users speak; all or nothing.
    public func say(_ words: [(bot: Int64, chat: Int64, text: String)]) async throws(Fault) {
        let list = words.map { Said(bot: $0.bot, chat: $0.chat, text: $0.text) }
        let _: Done = try await send(.post, "/sim/say", try encode(list))
    }

    /// Breaks calls; docs/simulator.md, "Faults".
    public struct FaultRule: Sendable, Encodable {
        public var kind: String
        public var method: String?
        public var probability: Double
        public var seed: Int
        public var retry_after: Int?

        public init(kind: String, method: String?, probability: Double, seed: Int, retryAfter: Int? = nil) {
            self.kind = kind
            self.method = method
            self.probability = probability
            self.seed = seed
            retry_after = retryAfter
        }
    }
    private struct Faults: Decodable {
        struct Rule: Decodable { var id: Int }
        var faults: [Rule]
    }

    /// - Returns: the rule's id, to remove it by.
    public func addFault(_ rule: FaultRule) async throws(Fault) -> Int {
        let added: Faults = try await send(.post, "/sim/faults", try encode(rule))
        guard let id = added.faults.first?.id else { throw Fault("the simulator made no fault") }
        return id
    }

    public func removeFault(_ id: Int) async throws(Fault) {
        let _: Done = try await send(.delete, "/sim/faults/\(id)")
    }

    public func counts() async throws(Fault) -> Counts {
        let totals: Totals = try await send(.get, "/sim/counts")
        return totals.total
    }

    /// The whole log of a bot.
    public func log(of bot: Int64) async throws(Fault) -> [Entry] {
        var entries: [Entry] = []
        var after: Int64 = 0
        while true {
            let page: Log = try await send(.get, "/sim/bots/\(bot)/log?after=\(after)&limit=20000")
            guard page.dropped == 0 else {
                throw Fault("the simulator's log of bot \(bot) is not complete; raise its --log-capacity")
            }
            if page.entries.isEmpty { return entries }
            entries += page.entries
            after = page.next
        }
    }

    private func encode(_ value: some Encodable) throws(Fault) -> [UInt8] {
        do { return [UInt8](try JSONEncoder().encode(value)) } catch {
            throw Fault("cannot be written as JSON: \(error)")
        }
    }

    private func send<Answer: Decodable>(
        _ method: HTTPMethod,
        _ path: String,
        _ body: [UInt8] = []
    ) async throws(Fault) -> Answer {
        let response: HTTPResponse
        do throws(HTTPError) {
            response = try await transport.send(
                HTTPRequest(
                    method: method, url: base + path, headers: body.isEmpty ? [] : [.json], body: body,
                    deadline: .seconds(20)))
        } catch {
            throw Fault("the simulator does not answer: \(error)")
        }
        guard response.status == 200, let answer = try? JSONDecoder().decode(Answer.self, from: Data(response.body))
        else {
            let text = TextTable.clean(String(decoding: response.body.prefix(200), as: UTF8.self))
            throw Fault("the simulator answered \(path) with status \(response.status): \(text)")
        }
        return answer
    }
}
