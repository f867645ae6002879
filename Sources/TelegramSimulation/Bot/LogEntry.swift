/// One thing that happened to a bot: an update was made, or a call took effect in a chat.
///
/// Times are microseconds since 1970; 0 stands for "not yet" and "none".
struct LogEntry: Sendable {
    enum Content: Sendable {
        case update(id: Int64, kind: UpdateName)
        case call(Method)
    }

    /// The name of an update's content, as the Bot API spells it.
    struct UpdateName: Sendable, Hashable {
        let text: String
        static let message = UpdateName(text: "message")
        static let callbackQuery = UpdateName(text: "callback_query")
    }

    var content: Content
    /// An update was made, or a call received.
    var at: Int64
    var chat: Int64 = 0
    var user: Int64 = 0
    var message: Int64 = 0
    var text = ""
    /// What was sent beside the text: JSON of the reply markup.
    var markup: [UInt8]?
    /// Updates: when first given to a client, how often, and when confirmed by an offset or a webhook's 2xx.
    var handedOutAt: Int64 = 0
    var handedOutTimes: Int32 = 0
    var confirmedAt: Int64 = 0
    /// The call took effect, but a fault kept the answer from the client.
    var answerLost = false
    /// Updates: expired or dropped unconfirmed.
    var discarded = false

    init(update id: Int64, kind: UpdateName, at: Int64) {
        content = .update(id: id, kind: kind)
        self.at = at
    }

    init(call method: Method, at: Int64) {
        content = .call(method)
        self.at = at
    }
}

extension LogEntry {
    private func open(sequence: Int64, to out: inout JSONWriter) {
        out.comma()
        out.raw("{\"seq\":")
        out.number(sequence)
        switch content {
        case .update(let id, let kind):
            out.raw(",\"type\":\"update\",\"update_id\":")
            out.number(id)
            out.member("kind", kind.text)
            out.member("user", user)
            out.member("injected_at_us", at)
            writeTime("handed_out_at_us", handedOutAt, to: &out)
            out.member("handed_out", Int64(handedOutTimes))
            writeTime("confirmed_at_us", confirmedAt, to: &out)
            if discarded { out.raw(",\"discarded\":true") }
        case .call(let method):
            out.raw(",\"type\":\"call\"")
            out.member("method", method.name)
            out.member("at_us", at)
            if answerLost { out.raw(",\"answer_lost\":true") }
        }
        out.member("chat", chat)
        out.member("message_id", message)
        out.member("text", text)
    }

    /// The form of `GET /sim/bots/{id}/log`.
    func write(sequence: Int64, to out: inout JSONWriter) {
        open(sequence: sequence, to: &out)
        out.raw("}")
    }

    private func writeTime(_ name: StaticString, _ time: Int64, to out: inout JSONWriter) {
        out.key(name)
        if time == 0 { out.raw("null") } else { out.number(time) }
    }

    /// The log's form, with the direction and what stood beside the text.
    func writeTranscript(sequence: Int64, to out: inout JSONWriter) {
        open(sequence: sequence, to: &out)
        if case .update = content { out.member("direction", "in") } else { out.member("direction", "out") }
        if let markup { out.member("reply_markup", json: markup) }
        out.raw("}")
    }
}
