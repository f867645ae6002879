import EventLoop
import Glibc
import Logging

/// Keeps the wanted processes running on this machine.
///
/// It runs on an event loop of its own, where each process's pidfd is watched: an exit is noticed and answered without a
/// hop. Processes outlive it; ``adopt()`` finds those of an earlier life again.
actor Supervisor {
    struct Configuration: Sendable {
        /// Absolute. Logs go to `logs/` in it.
        var stateDirectory: String
        /// From SIGTERM to SIGKILL.
        var stopDeadline: Duration = .seconds(20)
        /// `NAME=value` of every process, without ``ProcessTable/marker``.
        var environment: [String]
        /// How often ends are looked for on kernels without pidfds.
        var lookEvery: Duration = .milliseconds(100)
    }

    private struct Slot {
        var process: ManagedProcess
        var spec: ProcessSpec?
        var handle: ProcessHandle?
    }

    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
    /// Ends of processes, for the roster; at most 4096 wait, further ones are dropped (a heartbeat's absence tells too).
    nonisolated let exits: AsyncStream<ProcessExit>
    private let exitsIn: AsyncStream<ProcessExit>.Continuation
    private let configuration: Configuration
    private let logger: Logger
    private var slots: [String: Slot] = [:]
    private var idleWaiters: [CheckedContinuation<Void, Never>] = []

    init(_ configuration: Configuration, logger: Logger) throws {
        self.configuration = configuration
        self.logger = logger
        (exits, exitsIn) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(4096))
        try SmallFile.makeDirectory("\(configuration.stateDirectory)/logs")
        loop = try EventLoop(name: "supervisor")
    }

    /// Ends the loop; the processes go on. Nothing may be asked of the supervisor afterwards.
    func shutdown() {
        for name in slots.keys { unwatch(name) }
        exitsIn.finish()
        loop.shutdown()
    }

    // MARK: What should run

    /// Takes over processes that an earlier coordinator of this state directory started. Call it once, before the first
    /// ``reconcile(_:)``, which stops those no longer wanted.
    func adopt() -> [String] {
        let found = ProcessTable.find(stateDirectory: configuration.stateDirectory)
        for (name, pids) in found {
            for pid in pids {
                guard let handle = ProcessHandle(pid: pid, isChild: false),
                    // Looked at again after the pidfd was opened: from here on the pid cannot be another's.
                    ProcessTable.name(pid: pid, stateDirectory: configuration.stateDirectory) == name
                else { continue }
                if slots[name] != nil {
                    logger.warning(
                        "a second process of one name is stopped",
                        metadata: ["name": "\(name)", "pid": "\(pid)"]
                    )
                    handle.signal(SIGTERM)
                    continue
                }
                var process = ManagedProcess(stopDeadline: configuration.stopDeadline)
                _ = process.want(true, now: .now)
                _ = process.started(pid: pid, now: .now)
                slots[name] = Slot(process: process, spec: nil, handle: handle)
                watch(name)
                logger.info("adopted", metadata: ["name": "\(name)", "pid": "\(pid)"])
            }
        }
        return slots.keys.sorted()
    }

    /// Starts what is missing and stops what is not in `wanted`.
    func reconcile(_ wanted: [ProcessSpec]) {
        let names = Set(wanted.map(\.name))
        for name in slots.keys where !names.contains(name) { apply(name) { $0.want(false, now: .now) } }
        for spec in wanted {
            slots[spec.name, default: Slot(process: ManagedProcess(stopDeadline: configuration.stopDeadline))].spec =
                spec
            apply(spec.name) { $0.want(true, now: .now) }
        }
    }

    /// Stops those processes and starts them again.
    func restart(where isMeant: @Sendable (String) -> Bool) {
        for name in slots.keys.filter(isMeant) { apply(name) { $0.restart(now: .now) } }
    }

    /// Stops those processes and waits until they have ended: at most the stop deadline and a moment.
    func stop(where isMeant: @Sendable (String) -> Bool) async {
        let names = slots.keys.filter(isMeant)
        let pids = Set(names.compactMap { slots[$0]?.handle?.pid })
        for name in names { apply(name) { $0.want(false, now: .now) } }
        await waitUntil { !self.slots.values.contains { slot in slot.handle.map { pids.contains($0.pid) } ?? false } }
    }

    /// Ends a process that no longer answers; it is started again. Another one of the name that runs by now is left alone.
    func kill(_ process: ProcessExit) {
        guard let handle = slots[process.name]?.handle, handle.pid == process.pid else { return }
        handle.signal(SIGKILL)
    }

    /// Stops all and waits until they have ended.
    func stopAll() async { await stop { _ in true } }

    /// Keeps the logs of running processes bounded; call it now and then.
    func rotateLogs() {
        for name in slots.keys {
            do throws(FileError) {
                try ProcessLog.rotate("\(configuration.stateDirectory)/logs/\(name).log")
            } catch {
                logger.error("\(error)", metadata: ["name": "\(name)"])
            }
        }
    }

    func statuses() -> [ProcessStatus] {
        slots.map { name, slot in
            ProcessStatus(
                name: name,
                pid: slot.process.pid,
                isWanted: slot.process.isWanted,
                restarts: slot.process.restarts
            )
        }.sorted { $0.name < $1.name }
    }

    /// Every exit is answered by SIGKILL at the latest, so this ends.
    private func waitUntil(_ condition: () -> Bool) async {
        while !condition() {
            await withCheckedContinuation { idleWaiters.append($0) }
        }
    }

    // MARK: The state machines' actions

    private func apply(_ name: String, _ transition: (inout ManagedProcess) -> [ManagedProcess.Action]) {
        guard var process = slots[name]?.process else { return }
        let actions = transition(&process)
        slots[name]?.process = process
        for action in actions { perform(action, name) }
        if slots[name]?.process.isFinished == true { slots[name] = nil }
    }

    private func perform(_ action: ManagedProcess.Action, _ name: String) {
        switch action {
        case .spawn: spawn(name)
        case .terminate: slots[name]?.handle?.signal(SIGTERM)
        case .kill(let pid):
            logger.warning("killed after the stop deadline", metadata: ["name": "\(name)", "pid": "\(pid)"])
            slots[name]?.handle?.signal(SIGKILL)
        case .wake(let time):
            let delay = max(.zero, ContinuousClock.now.duration(to: time))
            loop.schedule(after: delay) { [weak self] in
                self?.assumeIsolated { $0.apply(name) { $0.timer(now: max(time, .now)) } }
            }
        }
    }

    private func spawn(_ name: String) {
        // An adopted process that was not reconciled yet has no spec to be started from.
        guard let spec = slots[name]?.spec else { return apply(name) { $0.want(false, now: .now) } }
        let log = ProcessLog.prepare(directory: "\(configuration.stateDirectory)/logs", name: name)
        let marker = "\(ProcessTable.marker)=\(configuration.stateDirectory):\(name)"
        do {
            let pid = try ProcessSpawn.spawn(spec, environment: configuration.environment + [marker], log: log)
            slots[name]?.handle = ProcessHandle(pid: pid, isChild: true)
            watch(name)
            logger.info("started", metadata: ["name": "\(name)", "pid": "\(pid)"])
            apply(name) { $0.started(pid: pid, now: .now) }
        } catch {
            logger.error("\(error)", metadata: ["name": "\(name)"])
            apply(name) { $0.failedToStart(now: .now) }
        }
    }

    // MARK: Ends

    private func watch(_ name: String) {
        guard let handle = slots[name]?.handle else { return }
        let pid = handle.pid
        if handle.descriptor >= 0 {
            loop.watch(handle.descriptor, for: .read) { [weak self] _ in
                self?.assumeIsolated { $0.ended(name, pid: pid) }
            }
        } else {
            loop.schedule(after: configuration.lookEvery) { [weak self] in
                self?.assumeIsolated { $0.look(name, pid: pid) }
            }
        }
    }

    private func look(_ name: String, pid: Int32) {
        guard let handle = slots[name]?.handle, handle.pid == pid else { return }
        if handle.hasEnded { ended(name, pid: pid) } else { watch(name) }
    }

    private func ended(_ name: String, pid: Int32) {
        guard let handle = slots[name]?.handle, handle.pid == pid else { return }
        unwatch(name)
        handle.reap()
        slots[name]?.handle = nil
        exitsIn.yield(ProcessExit(name: name, pid: pid))
        logger.info("ended", metadata: ["name": "\(name)", "pid": "\(pid)"])
        apply(name) { $0.exited(now: .now) }
        let waiters = idleWaiters
        idleWaiters = []
        for waiter in waiters { waiter.resume() }
    }

    private func unwatch(_ name: String) {
        if let handle = slots[name]?.handle, handle.descriptor >= 0 { loop.unwatch(handle.descriptor) }
    }
}
