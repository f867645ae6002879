/// A request to the control API, free of HTTP.
public struct ControlRequest: Sendable {
    public enum Verb: String, Sendable { case get = "GET", post = "POST", delete = "DELETE" }

    public let verb: Verb
    /// Path segments after `/sim`.
    public let path: [String]
    public let query: Parameters
    public let body: [UInt8]

    public init(verb: Verb, path: [String], query: Parameters, body: [UInt8]) {
        self.verb = verb
        self.path = path
        self.query = query
        self.body = body
    }

    /// The body as one object; an empty body as none.
    func object() throws(APIError) -> Parameters {
        var parameters = Parameters()
        if !body.isEmpty { try parameters.add(json: body) }
        return parameters
    }
}

extension Simulation {
    /// Answers a request to `/sim/…`. docs/simulator.md describes them all.
    public func control(_ request: ControlRequest, now: Int64) -> Reply {
        do throws(APIError) {
            return try route(request, now: now)
        } catch {
            return Reply(error)
        }
    }

    private func route(_ request: ControlRequest, now: Int64) throws(APIError) -> Reply {
        let path = request.path
        switch (request.verb, path.first ?? "", path.count) {
        case (.get, "health", 1): return Reply(body: Array("{\"ok\":true}".utf8))
        case (.get, "counts", 1): return try readCounts(request)
        case (.post, "reset", 1): return try reset(now: now)
        case (.get, "bots", 1): return listBots()
        case (.post, "bots", 1): return try createBots(request)
        case (.post, "say", 1): return try say(request, bot: nil, now: now)
        case (.get, "faults", 1): return listFaults()
        case (.post, "faults", 1): return try addFaults(request)
        case (.delete, "faults", 1): return try removeFaults(nil)
        case (.delete, "faults", 2): return try removeFaults(path[1])
        case (_, "bots", 2...3):
            guard let id = Int64(path[1]), let bot = bot(id: id) else {
                throw APIError(404, "Not Found: no bot has the id \(path[1])")
            }
            return try route(request, bot, now: now)
        default: throw noSuchRoute(request)
        }
    }

    private func route(_ request: ControlRequest, _ bot: SimulatedBot, now: Int64) throws(APIError) -> Reply {
        switch (request.verb, request.path.count == 3 ? request.path[2] : "") {
        case (.get, ""): return describe(bot)
        case (.delete, ""):
            remove(bot, now: now)
            return Reply(body: Array("{\"ok\":true}".utf8))
        case (.post, "settings"): return try changeSettings(request, bot)
        case (.post, "say"): return try say(request, bot: bot, now: now)
        case (.post, "press"): return try press(request, bot, now: now)
        case (.post, "updates"): return try inject(request, bot, now: now)
        case (.post, "block"): return try block(request, bot)
        case (.post, "reset"): return reset(bot, now: now)
        case (.get, "log"): return readLog(request, bot)
        case (.get, "transcript"): return readTranscript(request, bot)
        default: throw noSuchRoute(request)
        }
    }

    private func noSuchRoute(_ request: ControlRequest) -> APIError {
        let path = (["", "sim"] + request.path).joined(separator: "/")
        return APIError(404, "Not Found: no route \(request.verb.rawValue) \(path); docs/simulator.md lists them")
    }
}
