import BotKit
import FleetModel
import Synchronization

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Keeps a ledger of each chat in its session, so that the database itself tells whether an update took effect once and
/// in order: how many were handled, the number of the last one, and how often a number was not above the one before.
///
/// A message is `m NUMBER`, with what shall go wrong behind it: `slow MILLISECONDS`, or `fail` for a first attempt that
/// throws. The reply is `r NUMBER COUNT`: two replies to one message with different counts are two effects.
struct LedgerBehaviour: Behaviour {
    static let name = "ledger"

    struct Ledger: Codable {
        var count = 0
        var last = -1
        var disorder = 0
    }

    private struct Key: Hashable {
        let bot: BotID
        let update: Int64
    }
    /// Which updates this process has failed once. What the tests send is bounded, and so is this.
    private static let failed = Mutex<Set<Key>>([])

    struct Asked: Error, CustomStringConvertible {
        let description = "the message asked for a failure"
    }

    func handle(_ update: UpdateEnvelope, _ context: inout Context) async throws {
        let words = (update.text ?? "").split(separator: " ")
        guard words.count >= 2, words[0] == "m", let number = Int(words[1]) else { return }
        if words.count >= 4, words[2] == "slow", let milliseconds = Int(words[3]) {
            try await Task.sleep(for: .milliseconds(milliseconds))
        }
        let key = Key(bot: context.bot, update: update.id)
        if words.count >= 3, words[2] == "fail", Self.failed.withLock({ $0.insert(key).inserted }) { throw Asked() }
        var ledger = Ledger()
        if let session = context.session { ledger = try JSONDecoder().decode(Ledger.self, from: Data(session)) }
        ledger.count += 1
        if number <= ledger.last { ledger.disorder += 1 }
        ledger.last = number
        context.session = [UInt8](try JSONEncoder().encode(ledger))
        context.reply("r \(number) \(ledger.count)")
    }
}
