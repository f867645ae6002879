/// What Telegram's limits tell apart: messages count together, every other method for itself.
public enum CallKind: Hashable, Sendable {
    case message
    case other(method: String)

    public init(method: String) {
        let sends = method.hasPrefix("send") && method != "sendChatAction"
        let isMessage = sends || ["copyMessage", "copyMessages", "forwardMessage", "forwardMessages"].contains(method)
        self = isMessage ? .message : .other(method: method)
    }

    public var isMessage: Bool { self == .message }
}
