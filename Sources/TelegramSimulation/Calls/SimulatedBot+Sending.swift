extension SimulatedBot {
    func send(
        _ method: Method,
        _ parameters: Parameters,
        answerLost: Bool,
        now: Int64
    ) throws(APIError) -> Reply {
        let request = try SendRequest(sending: method, parameters)
        let sent = try counted(method) { (state) throws(APIError) in
            try state.send(request, method: method, answerLost: answerLost, now: now)
        }
        return reply(request, sent, forwarded: false, now: now)
    }

    private func reply(_ request: SendRequest, _ sent: BotState.Sent, forwarded: Bool, now: Int64) -> Reply {
        var message = SentMessage(id: sent.id, date: now / 1_000_000, text: request.text)
        if let markup = request.markup, markup.form == .inlineKeyboard { message.inlineKeyboard = markup.json }
        if let medium = request.medium { message.medium = (medium.name, medium.json(message: sent.id)) }
        message.forwarded = forwarded
        return reply(message, sent.chat)
    }

    private func reply(_ message: SentMessage, _ chat: Chat) -> Reply {
        var out = JSONWriter(reserving: 320 + message.text.utf8.count + (message.inlineKeyboard?.count ?? 0))
        out.raw("{\"ok\":true,\"result\":")
        message.write(from: identity, chat: chat, to: &out)
        out.raw("}")
        return Reply(body: out.bytes)
    }

    func sendAgain(
        _ method: Method,
        _ parameters: Parameters,
        answerLost: Bool,
        now: Int64
    ) throws(APIError) -> Reply {
        var request = try SendRequest(sending: method, parameters)
        let origin = try SendRequest.chat(parameters, "from_chat_id")
        let message = try SendRequest.message(parameters)
        let word = method == .copyMessage ? "copy" : "forward"
        let (sent, text) = try counted(method) { (state) throws(APIError) in
            let content = try state.content(of: message, in: origin, to: word)
            var copy = request
            copy.text = content.text
            return (try state.send(copy, method: method, answerLost: answerLost, now: now), content.text)
        }
        request.text = text
        if method == .forwardMessage { return reply(request, sent, forwarded: true, now: now) }
        var out = JSONWriter()
        out.raw("{")
        out.member("message_id", sent.id)
        out.raw("}")
        return .result(out.bytes)
    }

    func edit(
        _ method: Method,
        _ parameters: Parameters,
        answerLost: Bool,
        now: Int64
    ) throws(APIError) -> Reply {
        var edit = BotState.Edit(
            chat: try SendRequest.chat(parameters),
            message: try SendRequest.message(parameters)
        )
        let markup = try SendRequest.markup(parameters)
        if let markup, markup.form != .inlineKeyboard { throw .badRequest("inline keyboard expected") }
        switch method {
        case .editMessageText: edit.text = try SendRequest.text(parameters)
        case .editMessageCaption: edit.text = try SendRequest.caption(parameters)
        default: break
        }
        // Without reply_markup an edit takes the keyboard away.
        edit.markup = .some(markup?.isEmptyKeyboard == true ? nil : markup)
        let edited = try counted(method) { [edit] (state) throws(APIError) in
            try state.edit(edit, method: method, answerLost: answerLost, now: now)
        }
        return reply(edited.message, edited.chat)
    }
}
