/// The methods that are simulated.
public enum Method: UInt8, CaseIterable, Sendable {
    case getMe, getUpdates, setWebhook, deleteWebhook, getWebhookInfo, logOut, close
    case sendMessage, sendPhoto, sendDocument, sendAudio, sendVideo, sendVoice, sendAnimation, sendSticker
    case forwardMessage, copyMessage
    case editMessageText, editMessageCaption, editMessageReplyMarkup, deleteMessage
    case answerCallbackQuery, sendChatAction, getChat
    case setMyCommands, getMyCommands, deleteMyCommands

    /// As the Bot API spells it.
    public var name: String { Self.names[Int(rawValue)] }

    /// Finds a method by its name in any letter case.
    public init?(_ name: String) {
        guard let method = Self.byName[name] ?? Self.byLowercased[name.lowercased()] else { return nil }
        self = method
    }

    /// Whether a call puts a message into a chat: these are what flood limits count.
    public var isSending: Bool { sentContent != nil || self == .copyMessage || self == .forwardMessage }

    /// The member of the sent message that holds the content, which is also the parameter that gives it.
    var sentContent: String? {
        switch self {
        case .sendMessage: "text"
        case .sendPhoto: "photo"
        case .sendDocument: "document"
        case .sendAudio: "audio"
        case .sendVideo: "video"
        case .sendVoice: "voice"
        case .sendAnimation: "animation"
        case .sendSticker: "sticker"
        default: nil
        }
    }

    private static let names = allCases.map { "\($0)" }
    private static let byName = Dictionary(uniqueKeysWithValues: allCases.map { ($0.name, $0) })
    private static let byLowercased = Dictionary(uniqueKeysWithValues: allCases.map { ($0.name.lowercased(), $0) })
}
