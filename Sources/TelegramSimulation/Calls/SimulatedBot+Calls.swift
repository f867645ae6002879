import Synchronization

/// What came of a call.
public enum CallOutcome: Sendable {
    case reply(Reply)
    /// A long poll waits: the answer comes through its sink. After so many seconds call
    /// ``SimulatedBot/expirePoll(_:now:)``.
    case waiting(poll: UInt64, seconds: Int)
}

extension SimulatedBot {
    /// Carries out one call of the Bot API.
    /// - Parameters:
    ///   - name: the method, in any letter case.
    ///   - answerLost: a fault will keep the answer from the client; the log says so.
    ///   - sink: made only for a poll that has to wait.
    public func call(
        _ name: String,
        _ parameters: Parameters,
        answerLost: Bool = false,
        now: Int64,
        sink: () -> any PollSink
    ) -> CallOutcome {
        guard let method = Method(name) else {
            guard let known = KnownMethods.name(name.lowercased()) else { return .reply(Reply(.notFound)) }
            return .reply(Reply(.notSimulated(known)))
        }
        do throws(APIError) {
            if method == .getUpdates { return try poll(parameters, now: now, sink: sink) }
            let reply = try perform(method, parameters, answerLost: answerLost, now: now)
            return .reply(reply)
        } catch {
            countRefusal(of: method, error)
            return .reply(Reply(error))
        }
    }

    private func poll(_ parameters: Parameters, now: Int64, sink: () -> any PollSink) throws(APIError) -> CallOutcome {
        let request = try PollRequest(parameters)
        let (outcome, terminated) = state.withLock { state in
            state.counts.calls[Method.getUpdates.index] += 1
            return state.getUpdates(request, sink: sink, now: now)
        }
        terminated?.give()
        switch outcome {
        case .reply(let reply): return .reply(reply)
        case .wait(let id, let seconds): return .waiting(poll: id, seconds: seconds)
        }
    }

    func countRefusal(of method: Method, _ error: APIError) {
        state.withLock { state in
            state.counts.calls[method.index] += 1
            state.counts.refused[method.index] += 1
            if error.code == 429 { state.counts.tooManyRequests += 1 }
        }
    }

    /// Everything but getUpdates. Successful calls are counted here, refused ones by the caller.
    private func perform(
        _ method: Method,
        _ parameters: Parameters,
        answerLost: Bool,
        now: Int64
    ) throws(APIError) -> Reply {
        switch method {
        case .sendMessage, .sendPhoto, .sendDocument, .sendAudio, .sendVideo, .sendVoice, .sendAnimation, .sendSticker:
            return try send(method, parameters, answerLost: answerLost, now: now)
        case .copyMessage, .forwardMessage:
            return try sendAgain(method, parameters, answerLost: answerLost, now: now)
        case .editMessageText, .editMessageCaption, .editMessageReplyMarkup:
            return try edit(method, parameters, answerLost: answerLost, now: now)
        case .deleteMessage:
            let chat = try SendRequest.chat(parameters)
            let message = try SendRequest.message(parameters)
            try counted(method) { (state) throws(APIError) in
                try state.delete(chat: chat, message: message, answerLost: answerLost, now: now)
            }
            return .resultTrue
        case .answerCallbackQuery:
            let query = parameters.text("callback_query_id") ?? ""
            let text = parameters.text("text") ?? ""
            if text.utf16.count > 200 { throw .badRequest("MESSAGE_TOO_LONG") }
            try counted(method) { (state) throws(APIError) in
                try state.answer(query: query, text: text, answerLost: answerLost, now: now)
            }
            return .resultTrue
        case .sendChatAction:
            let chat = try SendRequest.chat(parameters)
            guard let action = parameters.text("action"), !action.isEmpty else {
                throw .badRequest("wrong parameter action in request")
            }
            try counted(method) { (state) throws(APIError) in
                try state.note(method, chat: chat, text: action, now: now)
            }
            return .resultTrue
        case .getMe, .getChat, .logOut, .close, .setMyCommands, .getMyCommands, .deleteMyCommands:
            return try describe(method, parameters)
        case .setWebhook, .deleteWebhook, .getWebhookInfo:
            return try webhook(method, parameters, now: now)
        case .getUpdates:
            throw .notFound
        }
    }

    /// Runs under the lock and counts the call when it succeeds.
    func counted<Value: Sendable>(
        _ method: Method,
        _ body: (inout BotState) throws(APIError) -> Value
    ) throws(APIError) -> Value {
        try state.withLock { (state) throws(APIError) in
            let value = try body(&state)
            state.counts.calls[method.index] += 1
            return value
        }
    }
}

extension Method {
    var index: Int { Int(rawValue) }
}
