import TelegramAPI

/// An update of a chat; `nil`: text that is no update, so nobody knows its chat.
func update(_ id: Int64, chat: Int64?) -> ReceivedUpdate {
    let text =
        chat.map { #"{"update_id":\#(id),"message":{"message_id":1,"chat":{"id":\#($0),"type":"private"}}}"# }
        ?? "{\"update_id\":\(id),\"message\":["
    return ReceivedUpdate(id: id, body: Array(text.utf8))
}
