import FleetModel

extension Fleet {
    /// Stops what is supervised, each process by SIGTERM and, after its deadline, SIGKILL; then ends the coordinator.
    func shutdown(_ request: ShutdownRequest, by author: String) async throws(APIFailure) -> ShutdownView {
        await audit("shutdown", request.workers ? "workers" : "coordinator", by: author)
        await steward.adopt()
        await steward.suspend()
        var stopped: [String] = []
        if request.workers, let supervisor {
            stopped = await supervisor.statuses().filter { $0.pid != nil }.map(\.name)
            await supervisor.stopAll()
        }
        requestEnd()
        return ShutdownView(stopped: stopped)
    }
}
