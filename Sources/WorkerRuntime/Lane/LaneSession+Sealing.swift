import Logging
import Store

extension LaneSession {
    mutating func sealEnded(
        _ result: Result<Bool, StoreError>, _ lane: inout Lane, now: ContinuousClock.Instant
    ) {
        switch result {
        case .success(let isNoted):
            lane.sealed(isNoted, now: now)
            if isNoted { runner.logger.info("lane sealed") }
        case .failure(let error):
            lane.sealed(false, now: now)
            if error.code == .fenced { leave() } else { pauseDatabase(error, now: now) }
        }
    }

    mutating func startSealing(_ lane: inout Lane, now: ContinuousClock.Instant) {
        guard !isFenced, let claim, lane.takeSeal(now: now) else { return }
        databaseTasks += 1
        let runner = runner
        Task {
            let result: Result<Bool, StoreError>
            do throws(StoreError) {
                result = .success(try await runner.database.sealLane(claim))
            } catch {
                result = .failure(error)
            }
            runner.mailbox.post(.sealed(result))
        }
    }
}
