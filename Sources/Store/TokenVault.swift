import Crypto
import FleetModel

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Seals bots' tokens and webhook secrets for storage with AES-256-GCM. What it sealed for one bot and purpose opens for
/// those alone.
public struct TokenVault: Sendable, CustomStringConvertible, CustomReflectable {
    private let key: SymmetricKey

    public enum Purpose: String, Sendable {
        case token
        case webhookSecret = "webhook secret"

        /// What the seal vouches for beside the text. No bot's id contains a slash.
        fileprivate func context(_ bot: BotID) -> Data {
            switch self {
            case .token: Data(bot.rawValue.utf8)
            case .webhookSecret: Data("\(bot)/webhook".utf8)
            }
        }
    }

    /// - Parameter key: 32 bytes.
    public init(key: [UInt8]) throws(StoreError) {
        guard key.count == 32 else {
            throw StoreError(.vault, "the token key has \(key.count) bytes; it must have 32")
        }
        self.key = SymmetricKey(data: key)
    }

    /// - Parameter text: 32 bytes in hexadecimal or base64, blanks around it ignored.
    public init(text: String) throws(StoreError) {
        let text = text.filter { !$0.isWhitespace }
        guard let bytes = Self.bytes(hexadecimal: text) ?? Data(base64Encoded: text).map({ [UInt8]($0) }),
            bytes.count == 32
        else {
            throw StoreError(
                .vault,
                "the token key cannot be read; expected 32 bytes as 64 hexadecimal digits or as base64"
            )
        }
        try self.init(key: bytes)
    }

    public func seal(_ secret: Secret, for bot: BotID, as purpose: Purpose = .token) throws(StoreError) -> [UInt8] {
        do {
            let box = try AES.GCM.seal(
                Data(secret.reveal().utf8),
                using: key,
                authenticating: purpose.context(bot)
            )
            guard let combined = box.combined else {
                throw StoreError(.vault, "cannot seal the \(purpose.rawValue) of \(bot)")
            }
            return [UInt8](combined)
        } catch {
            throw StoreError(.vault, "cannot seal the \(purpose.rawValue) of \(bot)")
        }
    }

    public func open(_ sealed: [UInt8], for bot: BotID, as purpose: Purpose = .token) throws(StoreError) -> Secret {
        do {
            let box = try AES.GCM.SealedBox(combined: Data(sealed))
            let text = try AES.GCM.open(box, using: key, authenticating: purpose.context(bot))
            return Secret(String(decoding: text, as: UTF8.self))
        } catch {
            throw StoreError(
                .vault,
                "cannot open the \(purpose.rawValue) of \(bot): it was sealed with another key; check FLEET_KEY_FILE"
            )
        }
    }

    public var description: String { "TokenVault(•••)" }
    public var customMirror: Mirror { Mirror(self, children: [:]) }

    private static func bytes(hexadecimal text: String) -> [UInt8]? {
        let digits = Array(text.utf8)
        guard digits.count == 64 else { return nil }
        var out: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = Character(UnicodeScalar(digits[index])).hexDigitValue,
                let low = Character(UnicodeScalar(digits[index + 1])).hexDigitValue
            else { return nil }
            out.append(UInt8(high << 4 | low))
        }
        return out
    }
}
