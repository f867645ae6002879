import Synchronization

extension Simulation {
    /// `POST /sim/say` and `POST /sim/bots/{id}/say`: one object or an array, which is taken whole or not at all.
    func say(_ request: ControlRequest, bot: SimulatedBot?, now: Int64) throws(APIError) -> Reply {
        let list = try Parameters.list(request.body)
        var order: [Int64] = []
        var speeches: [Int64: [Speech]] = [:]
        for element in list {
            let id = try speaker(element, bot)
            order.append(id)
            speeches[id, default: []].append(try Speech(element))
        }
        var answers: [Int64: [BotState.Injected]] = [:]
        let addressed = try speeches.keys.map { (id) throws(APIError) in try existing(id) }
        for bot in addressed {
            try bot.state.withLock { (state) throws(APIError) in
                try state.checkRoom(speeches[bot.identity.id]?.count ?? 0)
            }
        }
        for bot in addressed {
            let spoken = speeches[bot.identity.id] ?? []
            answers[bot.identity.id] = try bot.state.withLock { (state) throws(APIError) in
                // Another request may have come in between.
                try state.checkRoom(spoken.count)
                return try spoken.map { (speech) throws(APIError) in try state.say(speech, now: now) }
            }
            bot.announce(now: now)
        }
        // Back into the order of the request.
        var cursors: [Int64: Int] = [:]
        let injected = order.compactMap { id -> BotState.Injected? in
            let index = cursors[id, default: 0]
            cursors[id] = index + 1
            return answers[id]?[index]
        }
        return Self.answer(injected)
    }

    private func speaker(_ element: Parameters, _ bot: SimulatedBot?) throws(APIError) -> Int64 {
        if let bot { return bot.identity.id }
        guard let id = element.integer("bot") else { throw .badRequest("bot is the id of a bot") }
        return id
    }

    private func existing(_ id: Int64) throws(APIError) -> SimulatedBot {
        guard let bot = bot(id: id) else { throw APIError(404, "Not Found: no bot has the id \(id)") }
        return bot
    }

    /// `POST /sim/bots/{id}/press`.
    func press(_ request: ControlRequest, _ bot: SimulatedBot, now: Int64) throws(APIError) -> Reply {
        var injected: [BotState.Injected] = []
        for element in try Parameters.list(request.body) {
            let press = try Press(element)
            let query = registry.withLock { $0.generateQueryID() }
            injected.append(
                try bot.state.withLock { (state) throws(APIError) in
                    try state.checkRoom(1)
                    return try state.press(press, queryID: query, now: now)
                }
            )
        }
        bot.announce(now: now)
        return Self.answer(injected)
    }

    /// `POST /sim/bots/{id}/updates`: any JSON object, or an array of them.
    func inject(_ request: ControlRequest, _ bot: SimulatedBot, now: Int64) throws(APIError) -> Reply {
        let list = try RawUpdate.list(request.body)
        let injected = try bot.state.withLock { (state) throws(APIError) in
            try state.checkRoom(list.count)
            return try list.map { (raw) throws(APIError) in try state.inject(raw, now: now) }
        }
        bot.announce(now: now)
        return Self.answer(injected)
    }

    private static func answer(_ injected: [BotState.Injected]) -> Reply {
        var out = JSONWriter(reserving: 64 + injected.count * 24)
        out.raw("{\"ok\":true,\"update_ids\":[")
        for one in injected {
            out.comma()
            if let update = one.update { out.number(update) } else { out.raw("null") }
        }
        out.raw("],\"message_ids\":[")
        for one in injected {
            out.comma()
            if let message = one.message { out.number(message) } else { out.raw("null") }
        }
        out.raw("]}")
        return Reply(body: out.bytes)
    }
}

extension Speech {
    /// `{"chat":1,"user":1,"text":"…","chat_type":"private"}`; the user of a private chat is the chat.
    init(_ element: Parameters) throws(APIError) {
        guard let chat = element.integer("chat") ?? element.integer("user"), chat != 0 else {
            throw .badRequest("chat is the id of a chat")
        }
        var kind: Chat.Kind?
        if let name = element.text("chat_type") {
            guard let known = Chat.Kind(rawValue: name) else {
                throw .badRequest("chat_type is private, group, supergroup or channel")
            }
            kind = known
        }
        guard let user = element.integer("user") ?? (chat > 0 ? chat : nil), user > 0 else {
            throw .badRequest("user is the id of a user")
        }
        guard let text = element.text("text"), !text.isEmpty else { throw .badRequest("text is what the user says") }
        // An update of another size comes in by /updates.
        guard text.utf8.count <= SendRequest.maximumText || text.utf16.count <= SendRequest.maximumText else {
            throw .badRequest("text has at most \(SendRequest.maximumText) UTF-16 units")
        }
        self.init(chat: chat, user: user, text: text, kind: kind)
    }
}

extension Press {
    /// `{"chat":1,"user":1,"message_id":7,"data":"…"}`.
    init(_ element: Parameters) throws(APIError) {
        guard let chat = element.integer("chat") else { throw .badRequest("chat is the id of a chat") }
        guard let message = element.integer("message_id") else {
            throw .badRequest("message_id is the id of a message")
        }
        guard let data = element.text("data") else { throw .badRequest("data is the callback data of a button") }
        guard let user = element.integer("user") ?? (chat > 0 ? chat : nil), user > 0 else {
            throw .badRequest("user is the id of a user")
        }
        self.init(
            chat: chat,
            user: user,
            message: message,
            data: data,
            force: element.boolean("force") ?? false
        )
    }
}
