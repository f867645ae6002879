import Logging
import Store

/// Deletes what is only kept for a while.
struct Pruning: Sendable {
    /// Between two looks. Each finds what an hour of updates has left, or goes on where the one before was cut off.
    static let interval: Duration = .seconds(3600)

    let database: Database
    let retention: Duration
    let logger: Logger

    func prune() async {
        do throws(StoreError) {
            let rows = try await database.pruneInbox(olderThan: retention)
            if rows > 0 { logger.info("inbox rows pruned", metadata: ["rows": "\(rows)"]) }
        } catch {
            logger.warning("the inbox was not pruned: \(error)")
        }
    }
}
