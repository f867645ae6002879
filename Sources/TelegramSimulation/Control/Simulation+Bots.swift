import Synchronization

extension Simulation {
    /// Creating more than this in one request is refused.
    static let creationLimit = 10_000

    /// `POST /sim/bots`: one object or an array. `count` makes several alike, which then cannot name a token.
    func createBots(_ request: ControlRequest) throws(APIError) -> Reply {
        var out = JSONWriter(reserving: 1024)
        out.raw("{\"ok\":true,\"bots\":[")
        for wanted in request.body.isEmpty ? [Parameters()] : try Parameters.list(request.body) {
            let count = wanted.integer("count") ?? 1
            guard (1...Int64(Self.creationLimit)).contains(count) else {
                throw .badRequest("count is 1 to \(Self.creationLimit)")
            }
            if count > 1, wanted.text("token") != nil { throw .badRequest("a token is for one bot; leave count away") }
            for _ in 0..<count {
                let bot = try add(try newBot(wanted))
                out.comma()
                bot.write(to: &out, withToken: true)
            }
        }
        out.raw("]}")
        return Reply(body: out.bytes)
    }

    private func newBot(_ wanted: Parameters) throws(APIError) -> NewBot {
        var new = NewBot(options: configuration.options)
        new.token = wanted.text("token")
        new.username = wanted.text("username")
        new.name = wanted.text("name")
        new.firstUpdateID = wanted.integer("first_update_id")
        if let first = new.firstUpdateID, first < 1 || first > 1 << 52 {
            throw .badRequest("first_update_id is 1 to 2^52")
        }
        try apply(wanted, to: &new.options)
        if let capacity = wanted.integer("log_capacity") {
            guard (1...100_000_000).contains(capacity) else { throw .badRequest("log_capacity is 1 to 100000000") }
            new.options.logCapacity = Int(capacity)
        }
        if let capacity = wanted.integer("queue_capacity") {
            guard (1...10_000_000).contains(capacity) else { throw .badRequest("queue_capacity is 1 to 10000000") }
            new.options.queueCapacity = Int(capacity)
        }
        return new
    }

    private func apply(_ wanted: Parameters, to options: inout BotOptions) throws(APIError) {
        if let enforce = wanted.boolean("enforce_limits") { options.enforceLimits = enforce }
        if let accept = wanted.boolean("accept_unknown") { options.acceptUnknown = accept }
    }

    /// `POST /sim/bots/{id}/settings`.
    func changeSettings(_ request: ControlRequest, _ bot: SimulatedBot) throws(APIError) -> Reply {
        let wanted = try request.object()
        var options = bot.state.withLock { $0.options }
        try apply(wanted, to: &options)
        bot.state.withLock { [options] state in
            state.options.enforceLimits = options.enforceLimits
            state.options.acceptUnknown = options.acceptUnknown
        }
        return describe(bot)
    }

    /// `GET /sim/bots`: without tokens.
    func listBots() -> Reply {
        var out = JSONWriter(reserving: 1024)
        out.raw("{\"ok\":true,\"bots\":[")
        for bot in bots {
            out.comma()
            bot.write(to: &out, withToken: false)
        }
        out.raw("]}")
        return Reply(body: out.bytes)
    }

    func describe(_ bot: SimulatedBot) -> Reply {
        var out = JSONWriter()
        out.raw("{\"ok\":true,\"bot\":")
        bot.write(to: &out, withToken: false)
        out.raw("}")
        return Reply(body: out.bytes)
    }

    /// `POST /sim/bots/{id}/block` with `{"user":5,"blocked":true}`.
    func block(_ request: ControlRequest, _ bot: SimulatedBot) throws(APIError) -> Reply {
        let wanted = try request.object()
        guard let user = wanted.integer("user"), user > 0 else { throw .badRequest("user is the id of a user") }
        let blocked = wanted.boolean("blocked") ?? true
        try bot.state.withLock { (state) throws(APIError) in
            try state.meet(user, kind: .private)
            state.chats[user]?.blocked = blocked
        }
        return Reply(body: Array("{\"ok\":true}".utf8))
    }

    /// `POST /sim/reset`: no bots, no faults.
    func reset(now: Int64) throws(APIError) -> Reply {
        for bot in bots { remove(bot, now: now) }
        return try removeFaults(nil)
    }

    /// `POST /sim/bots/{id}/reset`.
    func reset(_ bot: SimulatedBot, now: Int64) -> Reply {
        bot.state.withLock { $0.forget(now: now) }
        return describe(bot)
    }
}

extension SimulatedBot {
    func write(to out: inout JSONWriter, withToken: Bool) {
        out.raw("{")
        out.member("id", identity.id)
        out.member("username", identity.username)
        out.member("name", identity.name)
        if withToken { out.member("token", token) }
        state.withLock { state in
            out.member("next_update_id", state.queue.nextID)
            out.member("pending", state.queue.count)
            out.member("enforce_limits", state.options.enforceLimits)
            out.member("accept_unknown", state.options.acceptUnknown)
            out.member("log_capacity", state.options.logCapacity)
            out.member("queue_capacity", state.options.queueCapacity)
            out.member("webhook", state.webhook != nil)
            out.member("polling", state.poll != nil)
        }
        out.raw("}")
    }
}
