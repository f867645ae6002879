import FleetModel
import Synchronization

/// How it goes with each bot taken in here, for the next renewal of the leases to write down.
final class IntakeBoard: Sendable {
    private let reports = Mutex<[BotID: IntakeReport]>([:])

    func set(_ report: IntakeReport, of bot: BotID) { reports.withLock { $0[bot] = report } }
    func clear(_ bot: BotID) { reports.withLock { $0[bot] = nil } }
    var snapshot: [BotID: IntakeReport] { reports.withLock { $0 } }
}

/// How the work for a bot came to its end.
enum IntakeEnd: Sendable, Equatable {
    case stopped, leaseLost, tokenRefused
    /// Telegram has forgotten the webhook.
    case withdrawn
}
