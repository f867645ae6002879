import Foundation
import Synchronization
import Testing

@testable import TelegramSimulation

/// Takes the answers to long polls.
final class RecordingSink: PollSink {
    private let replies = Mutex<[Reply]>([])
    func finish(_ reply: Reply) { replies.withLock { $0.append(reply) } }
    var all: [Reply] { replies.withLock { $0 } }
}

/// A simulation with one bot and a clock that stands where the test puts it.
final class Harness {
    let simulation: Simulation
    let bot: SimulatedBot
    var now: Int64 = 1_800_000_000_000_000

    static let token = "42:secret"
    static let firstUpdate: Int64 = 500

    init(_ adjust: (inout BotOptions) -> Void = { _ in }) throws {
        var configuration = Simulation.Configuration(seed: 1)
        adjust(&configuration.options)
        simulation = Simulation(configuration)
        bot = try simulation.add(
            Simulation.NewBot(
                token: Self.token,
                firstUpdateID: Self.firstUpdate,
                options: configuration.options
            )
        )
    }

    func advance(seconds: Double) { now += Int64(seconds * 1_000_000) }

    /// One call with JSON parameters.
    func call(_ method: String, _ body: String = "{}", sink: RecordingSink = RecordingSink()) throws -> CallOutcome {
        var parameters = Parameters()
        try parameters.add(json: Array(body.utf8))
        return bot.call(method, parameters, now: now) { sink }
    }

    /// One call that is answered at once.
    func reply(_ method: String, _ body: String = "{}") throws -> Answer {
        guard case .reply(let reply) = try call(method, body) else { throw HarnessError.waits }
        return try Answer(reply)
    }

    func control(_ verb: ControlRequest.Verb, _ path: String, _ body: String = "") throws -> Answer {
        let parts = path.split(separator: "?", maxSplits: 1)
        var query = Parameters()
        if parts.count > 1 { query.add(form: Array(parts[1].utf8)) }
        let request = ControlRequest(
            verb: verb,
            path: parts[0].split(separator: "/").map(String.init),
            query: query,
            body: Array(body.utf8)
        )
        return try Answer(simulation.control(request, now: now))
    }

    @discardableResult func say(_ text: String, chat: Int64 = 5) throws -> Answer {
        try control(.post, "bots/42/say", #"{"chat":\#(chat),"user":5,"text":"\#(text)"}"#)
    }
}

enum HarnessError: Error { case waits, notAnObject }

/// A reply, read.
struct Answer {
    let status: Int
    let object: [String: Any]

    init(_ reply: Reply) throws {
        status = reply.status
        guard let object = try JSONSerialization.jsonObject(with: Data(reply.body)) as? [String: Any] else {
            throw HarnessError.notAnObject
        }
        self.object = object
    }

    var ok: Bool { object["ok"] as? Bool ?? false }
    var description: String { object["description"] as? String ?? "" }
    var result: [String: Any] { object["result"] as? [String: Any] ?? [:] }
    var results: [[String: Any]] { object["result"] as? [[String: Any]] ?? [] }
    var entries: [[String: Any]] { object["entries"] as? [[String: Any]] ?? [] }
    var updateIDs: [Int64?] { (object["update_ids"] as? [Any] ?? []).map { ($0 as? NSNumber)?.int64Value } }
    /// The ids of the updates of a getUpdates answer.
    var ids: [Int64] { results.compactMap { ($0["update_id"] as? NSNumber)?.int64Value } }
    var retryAfter: Int? { (object["parameters"] as? [String: Any])?["retry_after"] as? Int }
    var total: [String: Any] { object["total"] as? [String: Any] ?? [:] }
}

extension [String: Any] {
    func integer(_ key: String) -> Int64? { (self[key] as? NSNumber)?.int64Value }
    func text(_ key: String) -> String? { self[key] as? String }
    func object(_ key: String) -> [String: Any] { self[key] as? [String: Any] ?? [:] }
}
