/// A message of the bot as the Bot API shows it.
struct SentMessage: Sendable {
    var id: Int64
    /// Seconds since 1970.
    var date: Int64
    var text = ""
    /// JSON of an inline keyboard. Other markups are not part of a message.
    var inlineKeyboard: [UInt8]?
    var editedAt: Int64?
    /// A medium: its member's name and JSON. The text is then its caption.
    var medium: (name: String, json: [UInt8])?
    var forwarded = false

    func write(from bot: BotIdentity, chat: Chat, to out: inout JSONWriter) {
        out.raw("{\"message_id\":")
        out.number(id)
        out.raw(",\"from\":")
        out.json(bot.userJSON)
        out.raw(",\"chat\":")
        out.json(chat.json)
        out.raw(",\"date\":")
        out.number(date)
        if let editedAt { out.member("edit_date", editedAt) }
        if forwarded {
            out.raw(",\"forward_origin\":{\"type\":\"hidden_user\",\"sender_user_name\":\"someone\",\"date\":")
            out.number(date)
            out.raw("}")
        }
        if let medium {
            out.raw(",")
            out.text(medium.name)
            out.raw(":")
            out.json(medium.json)
            if !text.isEmpty { out.member("caption", text) }
        } else {
            out.member("text", text)
        }
        if let inlineKeyboard { out.member("reply_markup", json: inlineKeyboard) }
        out.raw("}")
    }
}
