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
        let answer = await ask(token, request.check, apiURL: record.spec.apiURL)
        try await stored { () throws(StoreError) in
            try await database.setToken(token, of: id, vault: vault)
            if record.telegramID == nil || answer.isAccepted { try await note(answer, token, of: id) }
        }
        await audit("bot.set_token", id.rawValue, by: author)
        await tell(await roster.expected { $0 == id }.map(\.worker.incarnation), .refresh)
        return try await bot(id, after: answer)
    }

    func ask(_ token: Secret, _ check: Bool?, apiURL: String?) async -> TokenAnswer {
        check == false ? .unasked : await tokenOwner.ask(token, apiURL: apiURL)
    }

    /// Keeps who the bot is at Telegram: what Telegram said, else what the token itself tells.
    func note(_ answer: TokenAnswer, _ token: Secret, of id: BotID) async throws(StoreError) {
        if case .accepted(let telegramID, let username) = answer {
            try await database.setTelegramIdentity(of: id, telegramID: telegramID, username: username)
        } else if let telegramID = BotAdmission.telegramID(of: token) {
            try await database.setTelegramIdentity(of: id, telegramID: telegramID, username: nil)
        }
    }

    /// The bot, with what Telegram said of its token among its troubles.
    func bot(_ id: BotID, after answer: TokenAnswer) async throws(APIFailure) -> BotView {
        var view = try await bot(id)
        // What the gateway met with the old token.
        if answer.isAccepted { view.troubles?.removeAll { $0.code == .tokenRefused } }
        if view.troubles?.isEmpty == true { view.troubles = nil }
        if let trouble = BotTroubles.token(answer, of: id) { view.troubles = [trouble] + (view.troubles ?? []) }
        return view
    }
}

extension BotAdmission {
    /// Telegram's id of the bot stands before the colon.
    static func telegramID(of token: Secret) -> Int64? {
        token.reveal().split(separator: ":").first.flatMap { Int64($0) }
    }
}
