import FleetModel

/// Bot API, "getMe".
public struct GetMe: TelegramMethod {
    public typealias Result = User
    public static let name = "getMe"
    public init() {}
}

/// Bot API, "getUpdates". ``TelegramClient/getUpdates(offset:limit:timeout:allowedUpdates:)`` keeps each update's text
/// as it came; this is its request.
struct GetUpdates: Encodable, Sendable {
    static let name = "getUpdates"

    var offset: Int64?
    var limit: Int
    /// Seconds.
    var timeout: Int
    var allowedUpdates: [String]?

    func json() -> [UInt8] {
        var out: [UInt8] = []
        JSONText.append(raw: "{\"limit\":", to: &out)
        JSONText.append(Int64(limit), to: &out)
        JSONText.append(raw: ",\"timeout\":", to: &out)
        JSONText.append(Int64(timeout), to: &out)
        if let offset {
            JSONText.append(raw: ",\"offset\":", to: &out)
            JSONText.append(offset, to: &out)
        }
        if let allowedUpdates {
            JSONText.append(raw: ",\"allowed_updates\":[", to: &out)
            for (index, kind) in allowedUpdates.enumerated() {
                if index > 0 { JSONText.append(raw: ",", to: &out) }
                JSONText.append(kind, to: &out)
            }
            JSONText.append(raw: "]", to: &out)
        }
        JSONText.append(raw: "}", to: &out)
        return out
    }
}

/// Bot API, "setWebhook".
public struct SetWebhook: TelegramMethod {
    public typealias Result = Bool
    public static let name = "setWebhook"

    public var url: String
    /// 1 to 100; 1 keeps the updates in order.
    public var maxConnections: Int?
    public var allowedUpdates: [String]?
    /// Sent back in `X-Telegram-Bot-Api-Secret-Token`; 1 to 256 characters of `A-Z a-z 0-9 _ -`.
    public var secretToken: String?

    public init(
        url: String,
        maxConnections: Int? = nil,
        allowedUpdates: [String]? = nil,
        secretToken: String? = nil
    ) {
        self.url = url
        self.maxConnections = maxConnections
        self.allowedUpdates = allowedUpdates
        self.secretToken = secretToken
    }

    enum CodingKeys: String, CodingKey {
        case url
        case maxConnections = "max_connections"
        case allowedUpdates = "allowed_updates"
        case secretToken = "secret_token"
    }
}

/// Bot API, "deleteWebhook".
public struct DeleteWebhook: TelegramMethod {
    public typealias Result = Bool
    public static let name = "deleteWebhook"

    public var dropPendingUpdates: Bool?

    public init(dropPendingUpdates: Bool? = nil) { self.dropPendingUpdates = dropPendingUpdates }

    enum CodingKeys: String, CodingKey {
        case dropPendingUpdates = "drop_pending_updates"
    }
}

/// Bot API, "getWebhookInfo".
public struct GetWebhookInfo: TelegramMethod {
    public typealias Result = WebhookInfo
    public static let name = "getWebhookInfo"
    public init() {}
}

/// Bot API, "WebhookInfo".
public struct WebhookInfo: Decodable, Sendable, Equatable {
    /// Empty when none is set.
    public var url: String
    public var pendingUpdateCount: Int
    /// Seconds since 1970, by Telegram's clock.
    public var lastErrorDate: Int64?
    public var lastErrorMessage: String?

    public init(url: String, pendingUpdateCount: Int, lastErrorDate: Int64? = nil, lastErrorMessage: String? = nil) {
        self.url = url
        self.pendingUpdateCount = pendingUpdateCount
        self.lastErrorDate = lastErrorDate
        self.lastErrorMessage = lastErrorMessage
    }

    enum CodingKeys: String, CodingKey {
        case url
        case pendingUpdateCount = "pending_update_count"
        case lastErrorDate = "last_error_date"
        case lastErrorMessage = "last_error_message"
    }
}

extension TelegramClient {
    public func getMe(deadline: Duration = .seconds(10)) async throws(TelegramError) -> User {
        try await call(GetMe(), deadline: deadline)
    }

    public func setWebhook(
        _ webhook: SetWebhook, deadline: Duration = .seconds(30)
    ) async throws(TelegramError) {
        _ = try await call(webhook, deadline: deadline)
    }

    public func webhookInfo(deadline: Duration = .seconds(10)) async throws(TelegramError) -> WebhookInfo {
        try await call(GetWebhookInfo(), deadline: deadline)
    }

    /// Gives the bot back to long polling. Waiting updates stay.
    public func deleteWebhook(deadline: Duration = .seconds(30)) async throws(TelegramError) {
        _ = try await call(DeleteWebhook(), deadline: deadline)
    }
}
