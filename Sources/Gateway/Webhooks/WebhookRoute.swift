import Crypto
import FleetModel
import Store

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A bot's path, and who may use it. It holds no secret, but what proves one.
struct WebhookRoute: Sendable {
    let bot: BotSpec
    let record: WebhookRecord
    private let proof: Data

    /// Of this process alone.
    private static let key = SymmetricKey(size: .bits256)
    /// Bot API, "setWebhook": a secret token has 1 to 256 characters.
    private static let longestSecret = 256

    init(bot: BotSpec, record: WebhookRecord, secret: Secret) {
        self.bot = bot
        self.record = record
        proof = Data(HMAC<SHA256>.authenticationCode(for: Data(secret.reveal().utf8), using: Self.key))
    }

    /// The same secret for a bot that has changed otherwise.
    init(bot: BotSpec, like other: WebhookRoute) {
        self.bot = bot
        record = other.record
        proof = other.proof
    }

    /// Takes the same time however much of `text` is right.
    func accepts(_ text: String) -> Bool {
        guard text.utf8.count <= Self.longestSecret else { return false }
        return HMAC<SHA256>.isValidAuthenticationCode(proof, authenticating: Data(text.utf8), using: Self.key)
    }

    /// 128 random bits: a bot's path tells nothing of the bot, and nobody finds it by trying.
    static func randomPath() -> String { randomText(bytes: 16) }
    static func randomSecret() -> Secret { Secret(randomText(bytes: 32)) }

    /// In lower-case hexadecimal, from the system's generator (getrandom).
    private static func randomText(bytes: Int) -> String {
        let digits = Array("0123456789abcdef")
        return String((0..<2 * bytes).map { _ in digits[Int.random(in: 0..<16)] })
    }
}
