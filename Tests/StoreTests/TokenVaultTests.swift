import FleetModel
import Glibc
import Testing

@testable import Store

@Suite struct TokenVaultTests {
    let bot: BotID
    let token = Secret("123456:AAH-secret")

    init() throws { bot = try #require(BotID("alpha")) }

    @Test func whatWasSealedOpensAgain() throws {
        let vault = try TokenVault(key: [UInt8](0..<32))
        let sealed = try vault.seal(token, for: bot)
        #expect(try vault.open(sealed, for: bot) == token)
        #expect(try vault.seal(token, for: bot) != sealed)
        #expect(!String(decoding: sealed, as: UTF8.self).contains("secret"))
    }

    @Test func anotherBotKeyOrByteDoesNotOpenIt() throws {
        let vault = try TokenVault(key: [UInt8](0..<32))
        let other = try TokenVault(key: [UInt8](1..<33))
        let beta = try #require(BotID("beta"))
        var sealed = try vault.seal(token, for: bot)
        #expect(throws: StoreError.self) { try vault.open(sealed, for: beta) }
        #expect(throws: StoreError.self) { try other.open(sealed, for: bot) }
        sealed[sealed.count - 1] ^= 1
        let error = #expect(throws: StoreError.self) { try vault.open(sealed, for: bot) }
        #expect(error?.code == .vault)
        #expect(throws: StoreError.self) { try vault.open([], for: bot) }
    }

    @Test func oneKindOfSecretDoesNotOpenAsAnother() throws {
        let vault = try TokenVault(key: [UInt8](0..<32))
        let sealed = try vault.seal(token, for: bot)
        #expect(throws: StoreError.self) { try vault.open(sealed, for: bot, as: .webhookSecret) }
        let webhook = try vault.seal(token, for: bot, as: .webhookSecret)
        #expect(throws: StoreError.self) { try vault.open(webhook, for: bot) }
        #expect(try vault.open(webhook, for: bot, as: .webhookSecret) == token)
    }

    @Test func keysAreReadAsHexadecimalAndBase64() throws {
        let hexadecimal = [UInt8](0..<32).hexadecimal
        let base64 = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
        let sealed = try TokenVault(text: hexadecimal + "\n").seal(token, for: bot)
        #expect(try TokenVault(text: base64).open(sealed, for: bot) == token)
    }

    @Test(arguments: ["", "00", String(repeating: "zz", count: 32), "AAECAwQF"])
    func anUnusableKeyIsRefusedWithoutQuotingIt(_ text: String) {
        let error = #expect(throws: StoreError.self) { try TokenVault(text: text) }
        #expect(error?.code == .vault)
    }

    @Test func aKeyFileIsMadeOnceForTheOwnerAlone() throws {
        let path = "/tmp/fleet-key-\(Incarnation())"
        defer { unlink(path) }
        #expect(throws: StoreError.self) { try TokenVault(file: path) }
        let first = try TokenVault(file: path, createIfMissing: true)
        let second = try TokenVault(file: path, createIfMissing: true)
        #expect(try second.open(try first.seal(token, for: bot), for: bot) == token)
        var status = stat()
        #expect(stat(path, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)
    }

    @Test func aKeyFileThatOthersCanReadIsRefused() throws {
        let path = "/tmp/fleet-key-\(Incarnation())"
        defer { unlink(path) }
        _ = try TokenVault(file: path, createIfMissing: true)
        chmod(path, 0o640)
        let error = #expect(throws: StoreError.self) { try TokenVault(file: path) }
        #expect(error?.message.contains("chmod 600") == true)
    }

    @Test func itShowsNothing() throws {
        let vault = try TokenVault(key: [UInt8](repeating: 0xAB, count: 32))
        var dumped = ""
        dump(vault, to: &dumped)
        #expect("\(vault)" == "TokenVault(•••)")
        #expect(!dumped.contains("171"))
    }
}
