import FleetModel

extension BotState {
    /// What came of one injected update: its id, or `nil` when the client's `allowed_updates` leave it out.
    struct Injected: Sendable {
        var update: Int64?
        var message: Int64?
    }

    /// Room for `count` further updates, or nothing is taken at all.
    func checkRoom(_ count: Int) throws(APIError) {
        if queue.room < count {
            throw APIError(
                507,
                "Insufficient Storage: \(queue.count) updates wait; the bot's queue capacity is \(options.queueCapacity)"
            )
        }
    }

    /// Kinds that a client gets only when it names them. Bot API, "getUpdates", `allowed_updates`.
    private static let onRequest: Set<String> = ["chat_member", "message_reaction", "message_reaction_count"]

    func wants(_ kind: String) -> Bool { allowed?.contains(kind) ?? !Self.onRequest.contains(kind) }

    /// Puts an update into the queue; `content` is its JSON from after `update_id` to the closing brace.
    private mutating func enqueue(
        _ entry: LogEntry,
        content: [UInt8],
        now: Int64
    ) -> (id: Int64, sequence: Int64)? {
        guard case .update(let id, let kind) = entry.content else { return nil }
        counts.injected += 1
        guard wants(kind.text) else {
            counts.filtered += 1
            queue.skipID()
            return nil
        }
        let sequence = log.append(entry)
        var out = JSONWriter(reserving: content.count + 32)
        out.raw("{\"update_id\":")
        out.number(id)
        out.raw(",")
        out.json(content)
        queue.append(body: out.bytes, sequence: sequence, now: now)
        return (id, sequence)
    }

    /// A user speaks. The caller has checked the room.
    mutating func say(_ speech: Speech, now: Int64) throws(APIError) -> Injected {
        try meet(speech.chat, kind: speech.kind)
        guard let chat = chats[speech.chat] else { throw .chatNotFound }
        let message = messages.next
        var entry = LogEntry(update: queue.nextID, kind: .message, at: now)
        entry.chat = speech.chat
        entry.user = speech.user
        entry.message = message
        entry.text = speech.text
        var out = JSONWriter(reserving: 256 + speech.text.utf8.count)
        out.raw("\"message\":{\"message_id\":")
        out.number(message)
        out.raw(",\"from\":")
        Chat.writeUser(speech.user, to: &out)
        out.raw(",\"chat\":")
        out.json(chat.json)
        out.raw(",\"date\":")
        out.number(now / 1_000_000)
        out.raw(",\"text\":")
        out.text(speech.text)
        if speech.text.utf8.first == UInt8(ascii: "/") {
            let length = speech.text.prefix { !$0.isWhitespace }.utf16.count
            out.raw(",\"entities\":[{\"type\":\"bot_command\",\"offset\":0,\"length\":")
            out.number(length)
            out.raw("}]")
        }
        out.raw("}}")
        let queued = enqueue(entry, content: out.bytes, now: now)
        // A message nobody asked for has its id nevertheless.
        _ = messages.add(sequence: queued?.sequence ?? 0)
        return Injected(update: queued?.id, message: message)
    }

    /// A user presses a button under a message of the bot. The caller has checked the room.
    mutating func press(_ press: Press, queryID: String, now: Int64) throws(APIError) -> Injected {
        guard let sequence = messages[press.message], let shown = log[sequence], shown.chat == press.chat,
            let chat = chats[press.chat]
        else { throw .badRequest("message \(press.message) of chat \(press.chat) not found") }
        guard case .call = shown.content, let json = shown.markup, let markup = try ReplyMarkup(json),
            markup.form == .inlineKeyboard, press.force || markup.hasButton(data: press.data)
        else { throw .badRequest("message \(press.message) has no button with the data '\(press.data)'") }
        var entry = LogEntry(update: queue.nextID, kind: .callbackQuery, at: now)
        entry.chat = press.chat
        entry.user = press.user
        entry.message = press.message
        entry.text = press.data
        var out = JSONWriter(reserving: 512)
        out.raw("\"callback_query\":{\"id\":")
        out.text(queryID)
        out.raw(",\"from\":")
        Chat.writeUser(press.user, to: &out)
        out.raw(",\"message\":")
        SentMessage(id: press.message, date: shown.at / 1_000_000, text: shown.text, inlineKeyboard: json)
            .write(from: identity, chat: chat, to: &out)
        out.raw(",\"chat_instance\":\"")
        out.number(press.chat)
        out.raw("\",\"data\":")
        out.text(press.data)
        out.raw("}}")
        queries.add(queryID)
        return Injected(update: enqueue(entry, content: out.bytes, now: now)?.id)
    }

    /// An update as it is. The caller has checked the room.
    mutating func inject(_ raw: RawUpdate, now: Int64) throws(APIError) -> Injected {
        if let chat = raw.chat { try meet(chat, kind: raw.isGroup ? (chats[chat]?.kind ?? .supergroup) : nil) }
        var entry = LogEntry(update: queue.nextID, kind: LogEntry.UpdateName(text: raw.kind), at: now)
        entry.chat = raw.chat ?? 0
        entry.user = raw.user ?? 0
        // The log stays small, however large the update.
        entry.text = String((raw.text ?? "").prefix(SendRequest.maximumText))
        if let query = raw.queryID { queries.add(query) }
        // Its message id is its own: it names no message of the simulator.
        entry.message = raw.message ?? 0
        return Injected(update: enqueue(entry, content: raw.content, now: now)?.id, message: raw.message)
    }
}

/// What a user says.
struct Speech: Sendable {
    var chat: Int64
    var user: Int64
    var text: String
    var kind: Chat.Kind?
}

/// A press of an inline button.
struct Press: Sendable {
    var chat: Int64
    var user: Int64
    var message: Int64
    var data: String
    /// Also when the keyboard has no such button, as an old client might.
    var force = false
}
