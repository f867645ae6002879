import Synchronization

extension Simulation {
    /// `POST /sim/faults`: one rule or an array.
    func addFaults(_ request: ControlRequest) throws(APIError) -> Reply {
        let list = try Parameters.list(request.body)
        let seed = configuration.seed
        let added = try changeFaults { (table) throws(APIError) in
            var added: [FaultRule] = []
            for wanted in list {
                let fault = try Fault(wanted)
                let conditions = try FaultConditions(wanted)
                let rule = table.add(fault, seed: conditions.seed ?? seed) { conditions.apply(to: &$0) }
                guard let rule else {
                    throw APIError(507, "Insufficient Storage: there are \(FaultTable.capacity) fault rules already")
                }
                added.append(rule)
            }
            return added
        }
        return Self.answer(added)
    }

    func listFaults() -> Reply { Self.answer(faults.withLock { $0.rules }) }

    func removeFaults(_ id: String?) throws(APIError) -> Reply {
        var number: Int?
        if let id {
            guard let value = Int(id) else { throw APIError(404, "Not Found: no fault has the id \(id)") }
            number = value
        }
        let removed = try changeFaults { [number] (table) throws(APIError) in table.remove(number) }
        if let id, removed == 0 { throw APIError(404, "Not Found: no fault has the id \(id)") }
        return Reply(body: Array("{\"ok\":true,\"removed\":\(removed)}".utf8))
    }

    private static func answer(_ rules: [FaultRule]) -> Reply {
        var out = JSONWriter()
        out.raw("{\"ok\":true,\"faults\":[")
        for rule in rules {
            out.comma()
            rule.write(to: &out)
        }
        out.raw("]}")
        return Reply(body: out.bytes)
    }
}

/// The part of a rule that says when.
private struct FaultConditions: Sendable {
    var bot: Int64?
    var method: String?
    var probability = 1.0
    var skip = 0
    var count: Int?
    var seed: UInt64?

    init(_ wanted: Parameters) throws(APIError) {
        bot = wanted.integer("bot")
        method = wanted.text("method")?.lowercased()
        if let method, KnownMethods.name(method) == nil { throw .badRequest("the Bot API has no method \(method)") }
        if wanted["probability"] != nil {
            guard let value = wanted.fraction("probability"), (0...1).contains(value) else {
                throw .badRequest("probability is 0 to 1")
            }
            probability = value
        }
        skip = try Self.whole("skip", wanted) ?? 0
        count = try Self.whole("count", wanted)
        seed = try Self.whole("seed", wanted).map { UInt64($0) }
    }

    private static func whole(_ name: String, _ wanted: Parameters) throws(APIError) -> Int? {
        guard wanted[name] != nil else { return nil }
        guard let value = wanted.integer(name), value >= 0 else { throw .badRequest("\(name) is a whole number") }
        return Int(value)
    }

    func apply(to rule: inout FaultRule) {
        rule.bot = bot
        rule.method = method
        rule.probability = probability
        rule.skip = skip
        rule.count = count
    }
}

extension Fault {
    static let kinds = [
        "internal_error", "bad_gateway", "too_many_requests", "delay", "timeout", "reset", "half", "drop", "silence",
    ]

    /// `{"kind":"delay","ms":200}` and the like.
    init(_ wanted: Parameters) throws(APIError) {
        switch wanted.text("kind") {
        case "internal_error": self = .internalError
        case "bad_gateway": self = .badGateway
        case "too_many_requests":
            self = .tooManyRequests(retryAfter: Int(clamping: max(1, wanted.integer("retry_after") ?? 1)))
        case "delay":
            guard let milliseconds = wanted.integer("ms"), (0...600_000).contains(milliseconds) else {
                throw .badRequest("ms is 0 to 600000")
            }
            self = .delay(milliseconds: Int(milliseconds))
        case "timeout": self = .timeout
        case "reset": self = .reset
        case "half": self = .half
        case "drop": self = .drop
        case "silence": self = .silence
        default: throw .badRequest("kind is one of \(Self.kinds.joined(separator: ", "))")
        }
    }

    var kind: String {
        switch self {
        case .internalError: "internal_error"
        case .badGateway: "bad_gateway"
        case .tooManyRequests: "too_many_requests"
        case .delay: "delay"
        case .timeout: "timeout"
        case .reset: "reset"
        case .half: "half"
        case .drop: "drop"
        case .silence: "silence"
        }
    }
}

extension FaultRule {
    func write(to out: inout JSONWriter) {
        out.raw("{")
        out.member("id", id)
        out.member("kind", fault.kind)
        if case .tooManyRequests(let seconds) = fault { out.member("retry_after", seconds) }
        if case .delay(let milliseconds) = fault { out.member("ms", milliseconds) }
        if let bot { out.member("bot", bot) }
        if let method { out.member("method", KnownMethods.name(method) ?? method) }
        out.key("probability")
        out.number(probability)
        if skip > 0 { out.member("skip", skip) }
        if let count { out.member("count", count) }
        out.member("struck", struck)
        out.raw("}")
    }
}
