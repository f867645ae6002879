import FleetModel
import TelegramAPI

/// What describes a bot on a command line.
public enum BotArguments {
    public static func labels(_ words: [String]) throws(Fault) -> [String: String] {
        var labels: [String: String] = [:]
        for word in words {
            guard let split = word.firstIndex(of: "="), split != word.startIndex,
                word.index(after: split) != word.endIndex
            else { throw Fault("--label \(word): expected key=value", status: .usage) }
            labels[String(word[..<split])] = String(word[word.index(after: split)...])
        }
        return labels
    }

    /// Checks a token's form, so that a wrong file is noticed here and not by Telegram. The fault does not show it.
    public static func token(_ text: String, from source: String) throws(Fault) -> Secret {
        guard let token = BotToken(text) else {
            throw Fault(
                "what \(source) holds is no bot token; expected digits, a colon and a secret, as BotFather gives it")
        }
        return Secret(token.reveal())
    }
}
