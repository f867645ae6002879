import FleetModel

/// A bot's token, `<user id>:<secret>`. It is part of every URL of the Bot API, so it is checked where it enters: a
/// token can neither leave the path nor break a header. It prints `•••`.
public struct BotToken: Sendable, Equatable {
    /// The bot's user id at Telegram. No secret.
    public let userID: Int64
    private let secret: Secret

    /// - Parameter text: white space around it is dropped, as it comes from files and standard input.
    public init?(_ text: String) {
        let token = Self.trimmed(text)
        let parts = token.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let userID = Int64(parts[0]), parts[0].utf8.allSatisfy({ 48...57 ~= $0 }),
            !parts[1].isEmpty, parts[1].utf8.count <= 128, parts[1].utf8.allSatisfy(Self.isSecretCharacter)
        else { return nil }
        self.userID = userID
        secret = Secret(token)
    }

    public init?(_ secret: Secret) { self.init(secret.reveal()) }

    /// The text itself: for URLs and for sealing, nothing else.
    public func reveal() -> String { secret.reveal() }

    private static func trimmed(_ text: String) -> String {
        let bytes = Array(text.utf8)
        guard let first = bytes.firstIndex(where: { $0 > 32 }), let last = bytes.lastIndex(where: { $0 > 32 }) else {
            return ""
        }
        return String(decoding: bytes[first...last], as: UTF8.self)
    }

    private static func isSecretCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122, UInt8(ascii: "_"), UInt8(ascii: "-"): true
        default: false
        }
    }
}

extension BotToken: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "•••" }
    public var debugDescription: String { "•••" }
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}
