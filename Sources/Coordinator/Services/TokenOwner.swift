import FleetModel
import HTTPTransport
import TelegramAPI

/// What Telegram said of a token.
enum TokenAnswer: Sendable, Equatable {
    case accepted(id: Int64, username: String?)
    case refused
    /// It was not reached in time, or said something else: nothing is known.
    case unknown(String)
    /// Nobody wanted to know.
    case unasked

    var isAccepted: Bool { if case .accepted = self { true } else { false } }
}

/// Asks Telegram whose a token is, quickly: a bot can be added where Telegram is out of reach.
struct TokenOwner: Sendable {
    static let deadline: Duration = .seconds(3)

    let transport: HTTPTransport
    /// The Bot API of bots that name no other.
    let telegramAPI: String

    func ask(_ token: Secret, apiURL: String?) async -> TokenAnswer {
        guard let token = BotToken(token) else { return .refused }
        let client = TelegramClient(token: token, baseURL: apiURL ?? telegramAPI, transport: transport)
        do throws(TelegramError) {
            let me = try await client.call(GetMe(), deadline: Self.deadline)
            return .accepted(id: me.id, username: me.username)
        } catch {
            switch error {
            case .unauthorized, .notFound: return .refused
            default: return .unknown("\(error)")
            }
        }
    }
}
