import FleetModel

/// Makes the updates of a load run: text messages from private chats, as Telegram sends them.
public struct LoadUpdates: Sendable {
    /// The id of the first update. Ids of a run go up by one over all bots, so none repeats.
    public let firstID: Int64
    public let chats: Int
    /// Chats of load runs are in a range of their own, so that they meet no real ones.
    public static let firstChat: Int64 = 9_000_000_000

    /// - Parameters:
    ///   - now: microseconds since 1970. Ids start there: a later run starts above the ids of an earlier one as long as
    ///     that one made fewer than a million a second, and far above the ids Telegram uses.
    ///   - highestUsed: the highest id in the inbox, if any.
    public init(nowMicroseconds now: Int64, highestUsed: Int64?, chats: Int) {
        firstID = max(now, (highestUsed ?? 0) + 1)
        self.chats = max(1, chats)
    }

    public func id(_ index: Int) -> Int64 { firstID + Int64(index) }

    public func chat(_ index: Int) -> Int64 { Self.firstChat + Int64(index % chats) }

    /// The body for the queue. Bot API, `Update` and `Message`.
    public func body(_ index: Int, now: Timestamp) -> [UInt8] {
        let (id, chat) = (id(index), chat(index))
        let text = """
            {"update_id":\(id),"message":{"message_id":\(index + 1),"date":\(now.milliseconds / 1000),\
            "from":{"id":\(chat),"is_bot":false,"first_name":"Load"},\
            "chat":{"id":\(chat),"type":"private","first_name":"Load"},"text":"load \(index)"}}
            """
        return Array(text.utf8)
    }
}
