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
            state.generation >= change.number && change.hash == state.hash || state.apply(change)
        }
        if !isDone { try await reread() }
    }

    func reread() async throws(StoreError) {
        let fresh = try await database.configState()
        state.withLock { state in
            if fresh.generation >= state.generation { state = fresh }
        }
    }
}
