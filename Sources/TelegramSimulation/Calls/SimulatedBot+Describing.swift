extension SimulatedBot {
    /// Calls about the bot and its chats that change nothing in a chat.
    func describe(_ method: Method, _ parameters: Parameters) throws(APIError) -> Reply {
        switch method {
        case .getMe:
            try counted(method) { (_) throws(APIError) in }
            return .result(identity.meJSON)
        case .getChat:
            let id = try SendRequest.chat(parameters)
            let chat = try counted(method) { (state) throws(APIError) in
                guard let chat = state.chats[id] else { throw .chatNotFound }
                return chat
            }
            var out = JSONWriter()
            out.json(chat.json)
            out.bytes.removeLast()
            out.raw(",\"accent_color_id\":0,\"max_reaction_count\":11")
            out.raw(",\"accepted_gift_types\":{\"unlimited_gifts\":false,\"limited_gifts\":false")
            out.raw(",\"unique_gifts\":false,\"premium_subscription\":false,\"gifts_from_channels\":false}}")
            return .result(out.bytes)
        case .setMyCommands:
            let key = commandScope(parameters)
            guard let json = parameters.json("commands"), json.first == UInt8(ascii: "[") else {
                throw .badRequest("can't parse commands: expected an Array of BotCommand")
            }
            _ = try Parameters.list(json)
            try counted(method) { (state) throws(APIError) in
                // Telegram bounds scopes by chats and languages; so does this.
                guard state.commands.count < 10_000 || state.commands[key] != nil else {
                    throw .badRequest("too many command scopes")
                }
                state.commands[key] = json
            }
            return .resultTrue
        case .getMyCommands:
            let key = commandScope(parameters)
            return .result(try counted(method) { (state) throws(APIError) in state.commands[key] } ?? Array("[]".utf8))
        case .deleteMyCommands:
            let key = commandScope(parameters)
            try counted(method) { (state) throws(APIError) in state.commands[key] = nil }
            return .resultTrue
        default:
            try counted(method) { (_) throws(APIError) in }
            return .resultTrue
        }
    }

    private func commandScope(_ parameters: Parameters) -> String {
        let scope = parameters.text("scope").flatMap { $0.isEmpty ? nil : $0 } ?? "{\"type\":\"default\"}"
        return scope.filter { !$0.isWhitespace } + (parameters.text("language_code") ?? "")
    }

    func webhook(_ method: Method, _ parameters: Parameters, now: Int64) throws(APIError) -> Reply {
        if method == .getWebhookInfo {
            return .result(try counted(method) { (state) throws(APIError) in state.webhookInfo })
        }
        let drop = parameters.boolean("drop_pending_updates") ?? false
        let url = method == .setWebhook ? parameters.text("url") ?? "" : ""
        let allowed = try AllowedUpdates(parameters)
        var webhook: Webhook?
        if !url.isEmpty {
            guard url.hasPrefix("http://") || url.hasPrefix("https://") else {
                throw .badRequest("bad webhook: An HTTPS URL must be provided for webhook")
            }
            let connections = parameters.integer("max_connections") ?? 40
            webhook = Webhook(
                url: url,
                secret: try secret(parameters),
                maxConnections: Int(min(max(connections, 1), 100))
            )
        }
        let terminated = try counted(method) { [webhook] (state) throws(APIError) in
            if let allowed { state.allowed = allowed.kinds }
            return state.setWebhook(webhook, drop: drop, now: now)
        }
        terminated?.give()
        if webhook != nil { announce(now: now) }
        return .resultTrue
    }

    /// 1-256 characters of A-Z, a-z, 0-9, _ and -. Bot API, "setWebhook".
    private func secret(_ parameters: Parameters) throws(APIError) -> String? {
        guard let secret = parameters.text("secret_token"), !secret.isEmpty else { return nil }
        guard secret.utf8.count <= 256 else { throw .badRequest("secret token is too long") }
        guard
            secret.utf8.allSatisfy({
                (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == 95 || $0 == 45
            })
        else { throw .badRequest("secret token contains unallowed characters") }
        return secret
    }
}
