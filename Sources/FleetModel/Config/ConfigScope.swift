/// Whom a config value is for. Narrower scopes win: global, then label, then bot.
///
/// Written `global`, `label:key=value` or `bot:id`.
public enum ConfigScope: Hashable, Sendable, CustomStringConvertible {
    case global
    case label(key: String, value: String)
    case bot(BotID)

    public var description: String {
        switch self {
        case .global: "global"
        case .label(let key, let value): "label:\(key)=\(value)"
        case .bot(let id): "bot:\(id)"
        }
    }

    public init?(_ text: String) {
        if text == "global" {
            self = .global
        } else if text.hasPrefix("bot:"), let id = BotID(String(text.dropFirst(4))) {
            self = .bot(id)
        } else if text.hasPrefix("label:"), let split = text.firstIndex(of: "=") {
            let key = text[text.index(text.startIndex, offsetBy: 6)..<split]
            let value = text[text.index(after: split)...]
            guard !key.isEmpty, !value.isEmpty else { return nil }
            self = .label(key: String(key), value: String(value))
        } else {
            return nil
        }
    }

    /// Whether a bot of this id and these labels is meant.
    public func covers(_ bot: BotID, labels: [String: String]) -> Bool {
        switch self {
        case .global: true
        case .label(let key, let value): labels[key] == value
        case .bot(let id): id == bot
        }
    }
}

extension ConfigScope: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let scope = ConfigScope(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a scope: \(text)")
        }
        self = scope
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
