/// A chat by its number or by its public name. Bot API, "Integer or String".
public enum ChatID: Codable, Sendable, Hashable {
    case id(Int64)
    /// `@name` of a public channel or supergroup.
    case username(String)

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let id = try? container.decode(Int64.self) {
            self = .id(id)
        } else {
            self = .username(try container.decode(String.self))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .id(let id): try container.encode(id)
        case .username(let name): try container.encode(name)
        }
    }
}

extension ChatID: ExpressibleByIntegerLiteral {
    public init(integerLiteral value: Int64) { self = .id(value) }
}
