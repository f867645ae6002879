extension BotState {
    /// A message that was taken in.
    struct Sent: Sendable {
        let id: Int64
        let chat: Chat
    }

    /// Takes a message in: into the log, under a new id.
    mutating func send(_ request: SendRequest, method: Method, answerLost: Bool, now: Int64) throws(APIError) -> Sent {
        let chat = try admit(request.chat, now: now)
        var entry = LogEntry(call: method, at: now)
        entry.chat = request.chat
        entry.message = messages.next
        entry.text = request.text
        entry.markup = request.markup?.json
        entry.answerLost = answerLost
        counts.messages += 1
        return Sent(id: messages.add(sequence: log.append(entry)), chat: chat)
    }

    /// The chat a message may go to now, which counts against the limits.
    private mutating func admit(_ id: Int64, now: Int64) throws(APIError) -> Chat {
        if chats[id] == nil {
            guard options.acceptUnknown else { throw .chatNotFound }
            try meet(id)
        }
        guard let chat = chats[id] else { throw .chatNotFound }
        if chat.blocked { throw .blocked }
        if options.enforceLimits { try admitByLimits(id, chat, now: now) }
        return chat
    }

    private mutating func admitByLimits(_ id: Int64, _ chat: Chat, now: Int64) throws(APIError) {
        var group = chat.groupWindow ?? SlidingWindow(PublishedLimits.group)
        var wait = max(
            sending.wait(now: now),
            chat.pace.wait(now: now, interval: PublishedLimits.chatInterval, burst: PublishedLimits.chatBurst)
        )
        if chat.kind.isGroup { wait = max(wait, group.wait(now: now)) }
        if wait > 0 {
            // Whole seconds, and never so early that the next try is refused again.
            throw .tooManyRequests(after: Int((wait + PublishedLimits.second - 1) / PublishedLimits.second))
        }
        sending.record(now: now)
        chats[id]?.pace.record(now: now, interval: PublishedLimits.chatInterval)
        if chat.kind.isGroup {
            group.record(now: now)
            chats[id]?.groupWindow = group
        }
    }

    /// copyMessage and forwardMessage: the content of a message, to be sent anew.
    func content(of message: Int64, in chat: Int64, to: String) throws(APIError) -> (text: String, markup: [UInt8]?) {
        guard let sequence = messages[message], let entry = log[sequence], entry.chat == chat else {
            throw .badRequest("message to \(to) not found")
        }
        return (entry.text, entry.markup)
    }

    /// A call that shows in a chat without being a message, such as sendChatAction.
    mutating func note(_ method: Method, chat id: Int64, text: String, now: Int64) throws(APIError) {
        if chats[id] == nil {
            guard options.acceptUnknown else { throw .chatNotFound }
            try meet(id)
        }
        if chats[id]?.blocked == true { throw .blocked }
        var entry = LogEntry(call: method, at: now)
        entry.chat = id
        entry.text = text
        log.append(entry)
    }

    /// answerCallbackQuery.
    mutating func answer(query: String, text: String, answerLost: Bool, now: Int64) throws(APIError) {
        guard queries.close(query) || options.acceptUnknown else {
            throw .badRequest("query is too old and response timeout expired or query ID is invalid")
        }
        var entry = LogEntry(call: .answerCallbackQuery, at: now)
        entry.text = text
        entry.answerLost = answerLost
        log.append(entry)
    }
}
