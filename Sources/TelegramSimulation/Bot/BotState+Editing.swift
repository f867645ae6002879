extension BotState {
    /// A change to a message of the bot. `nil` leaves a part as it is.
    struct Edit: Sendable {
        var chat: Int64
        var message: Int64
        var text: String?
        /// `.some(nil)` takes the keyboard away.
        var markup: ReplyMarkup??
    }

    /// A message after its change.
    struct Edited: Sendable {
        let chat: Chat
        let message: SentMessage
    }

    mutating func edit(_ edit: Edit, method: Method, answerLost: Bool, now: Int64) throws(APIError) -> Edited {
        guard let chat = try known(edit.chat) else { throw .chatNotFound }
        if chat.blocked { throw .blocked }
        var entry = LogEntry(call: method, at: now)
        entry.chat = edit.chat
        entry.message = edit.message
        entry.answerLost = answerLost
        var date = now / 1_000_000
        if let sequence = messages[edit.message], let old = log[sequence], old.chat == edit.chat {
            guard case .call = old.content else { throw .badRequest("message can't be edited") }
            entry.text = edit.text ?? old.text
            if case .some(let markup) = edit.markup { entry.markup = markup?.json } else { entry.markup = old.markup }
            if entry.text == old.text, entry.markup == old.markup {
                throw .badRequest(
                    "message is not modified: specified new message content and reply markup are exactly the same "
                        + "as a current content and reply markup of the message"
                )
            }
            date = old.at / 1_000_000
        } else {
            guard options.acceptUnknown else { throw .badRequest("message to edit not found") }
            entry.text = edit.text ?? ""
            entry.markup = edit.markup??.json
        }
        let text = entry.text
        let markup = entry.markup
        messages[edit.message] = log.append(entry)
        return Edited(
            chat: chat,
            message: SentMessage(
                id: edit.message,
                date: date,
                text: text,
                inlineKeyboard: markup,
                editedAt: now / 1_000_000
            )
        )
    }

    mutating func delete(chat: Int64, message: Int64, answerLost: Bool, now: Int64) throws(APIError) {
        guard try known(chat) != nil else { throw .chatNotFound }
        if let sequence = messages[message], let old = log[sequence], old.chat == chat {
            messages[message] = 0
        } else if !options.acceptUnknown {
            throw .badRequest("message to delete not found")
        }
        var entry = LogEntry(call: .deleteMessage, at: now)
        entry.chat = chat
        entry.message = message
        entry.answerLost = answerLost
        log.append(entry)
    }

    private mutating func known(_ id: Int64) throws(APIError) -> Chat? {
        if chats[id] == nil, options.acceptUnknown { try meet(id) }
        return chats[id]
    }
}
