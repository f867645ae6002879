/// What Telegram's limits tell apart: messages count together, every other method for itself.
public enum CallKind: Hashable, Sendable {
    case message
    case other(method: String)

    public init(method: String) {
        let sends = method.hasPrefix("send") && method != "sendChatAction"
        self = sends || Self.copies.contains(method) ? .message : .other(method: method)
    }

    private static let copies: Set<String> = ["copyMessage", "copyMessages", "forwardMessage", "forwardMessages"]

    public var isMessage: Bool { self == .message }
}
