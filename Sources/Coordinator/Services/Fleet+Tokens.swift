import FleetControl
import FleetModel
import Store

extension Fleet {
    /// Stores a bot's new token and tells its workers. Gateways look for it by themselves once Telegram refuses the old
    /// one.
    func setToken(_ request: SetTokenRequest, of id: BotID, by author: String) async throws(APIFailure) -> BotView {
        let token = try BotAdmission.token(request.token)
        let record = try await record(of: id)
        let telegramID = BotAdmission.telegramID(of: token)
        // Ids of updates, chats and messages all belong to Telegram's bot, so under another one they would be confused.
        if let known = record.telegramID, let telegramID, known != telegramID {
            throw .conflict(
                "the token is of Telegram's bot \(telegramID), and '\(id)' is \(known); add it as a bot of its own")
        }
        try await refuseSecondName(for: telegramID, but: id)
        try await stored { () throws(StoreError) in
            try await database.setToken(token, of: id, vault: vault)
            if record.telegramID == nil, let telegramID {
                try await database.setTelegramIdentity(of: id, telegramID: telegramID, username: nil)
            }
        }
        await audit("bot.set_token", id.rawValue, by: author)
        await tell(await roster.expected { $0 == id }.map(\.worker.incarnation), .refresh)
        return try await bot(id)
    }
}

extension BotAdmission {
    /// Telegram's id of the bot stands before the colon.
    static func telegramID(of token: Secret) -> Int64? {
        token.reveal().split(separator: ":").first.flatMap { Int64($0) }
    }
}
