import FleetModel
import TelegramAPI

/// An update that waits for the broker's confirm.
struct PendingUpdate: Sendable, Equatable {
    let update: ReceivedUpdate
    /// What it must keep its order within; `nil` when the update cannot be read that far.
    let conversation: Int64?

    init(_ update: ReceivedUpdate) {
        self.update = update
        do throws(UpdateError) {
            conversation = try UpdateEnvelope(body: update.body).conversation
        } catch {
            // The worker dead-letters it with the reason. Here it only has to keep its place.
            conversation = nil
        }
    }
}

/// Splits updates into waves, in each of which a conversation appears at most once. A wave is published when all of the
/// one before is confirmed, so no conversation ever has two unconfirmed updates: a refused one cannot be overtaken.
enum Waves {
    static func split(_ updates: [PendingUpdate]) -> [[PendingUpdate]] {
        var waves: [[PendingUpdate]] = []
        var nextWave: [Int64: Int] = [:]
        var floor = 0
        for pending in updates {
            // An update of an unknown conversation may belong to any: it goes after all before it and before all after.
            let wave = pending.conversation.map { max(nextWave[$0] ?? 0, floor) } ?? waves.count
            if wave == waves.count { waves.append([]) }
            waves[wave].append(pending)
            if let conversation = pending.conversation {
                nextWave[conversation] = wave + 1
            } else {
                floor = wave + 1
            }
        }
        return waves
    }
}
