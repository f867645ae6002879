import FleetCtlKit
import FleetModel
import Glibc

/// What a service manager would be: starts the coordinator whenever it is not there.
actor CoordinatorKeeper {
    private let start: @Sendable () async throws -> Void
    private let find: @Sendable () -> Int32?
    private var downUntil = ContinuousClock.now
    private(set) var starts = 0

    /// - Parameter start: starts it unless it runs.
    init(find: @escaping @Sendable () -> Int32?, start: @escaping @Sendable () async throws -> Void) {
        self.find = find
        self.start = start
    }

    var pid: Int32? { find() }

    func end(with signal: Int32, downFor length: Duration) async -> Injector.Outcome {
        guard let pid = find(), kill(pid, signal) == 0 else { return .skipped("there was none") }
        downUntil = .now + length
        await Injector.pause(length)
        return Injector.Outcome(note: "process \(pid), started again after \(length.wholeMilliseconds) ms")
    }

    /// Until cancelled.
    func run() async {
        while !Task.isCancelled {
            if find() == nil, ContinuousClock.now >= downUntil {
                starts += 1
                // It may find no servers, or be killed again: then the next look starts it anew.
                try? await start()
            }
            await Injector.pause(.milliseconds(200))
        }
    }
}
