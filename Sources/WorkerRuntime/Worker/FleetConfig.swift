import FleetModel
import Store
import Synchronization

/// The config this worker runs with, kept up to date by broadcasts and, when one was missed, by rereading.
final class FleetConfig: Sendable {
    private let state: Mutex<ConfigState>
    private let database: Database

    init(database: Database, state: ConfigState) {
        self.database = database
        self.state = Mutex(state)
    }

    var current: ConfigState { state.withLock { $0 } }

    /// Takes a broadcast generation. One that is not the next, or is older than what runs, leads to rereading.
    func take(_ change: ConfigGeneration) async throws(StoreError) {
        let isDone = state.withLock { state in
            if change.number == state.generation { return change.hash == state.hash }
            // A database restored from a backup may count the same numbers again: only the chain tells.
            let content = ConfigChange(scope: change.scope, set: change.set, unset: change.unset)
            guard ConfigHash.next(after: state.hash, content) == change.hash else { return false }
            return state.apply(change)
        }
        if !isDone { try await reread() }
    }

    func reread() async throws(StoreError) {
        let fresh = try await database.configState()
        state.withLock { $0 = fresh }
    }
}
