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
