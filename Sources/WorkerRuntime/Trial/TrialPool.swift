import DequeModule
import EventLoop
import FleetModel
import Logging

/// Runs the handlers of suspects in processes of their own, a few of them for all lanes of a worker. They are started when
/// the first suspect comes and ended when none has come for a while.
actor TrialPool {
    /// Processes at the same time.
    static let bound = 4
    /// For a process to start and say so.
    static let startDeadline: Duration = .seconds(30)
    /// After the last suspect.
    static let patience: Duration = .seconds(10)

    private let logger: Logger
    private var loop: EventLoop?
    private var idle: [TrialProcess] = []
    private var busy = 0
    /// Waits for one of the processes. Bounded by the handlers that lanes run at the same time.
    private var line: Deque<CheckedContinuation<Void, Never>> = []
    private var runs = 0

    init(logger: Logger) { self.logger = logger }

    func run(_ job: HandlerJob, of spec: BotSpec) async -> HandlerResult {
        if busy >= Self.bound { await withCheckedContinuation { line.append($0) } } else { busy += 1 }
        defer { leave() }
        if Task.isCancelled { return .postponed("cancelled") }
        runs += 1
        let request: [UInt8]
        do {
            request = try TrialCoding.encode(TrialRequest(job, of: spec))
        } catch {
            return .postponed("it cannot be handed to a process: \(error)")
        }
        // A process that has run other handlers before may die of what those left behind: then a new one is asked.
        if let used = idle.popLast() {
            let result = await ask(used, request, job, spec)
            guard case .crashed = result, !Task.isCancelled else { return result }
        }
        let fresh: TrialProcess
        do {
            fresh = try TrialProcess(loop: eventLoop())
        } catch {
            logger.error("no process to try a handler in: \(error)", metadata: ["bot": "\(spec.id)"])
            return .postponed("no process to try it in: \(error)")
        }
        let alarm = Task {
            try await Task.sleep(for: Self.startDeadline)
            fresh.kill()
        }
        let isReady = await withTaskCancellationHandler {
            await fresh.isReady()
        } onCancel: {
            fresh.kill()
        }
        alarm.cancel()
        guard isReady else {
            _ = await fresh.end()
            logger.error("a process to try a handler in did not start", metadata: Self.metadata(job, spec))
            return .postponed("the process to try it in did not start")
        }
        return await ask(fresh, request, job, spec)
    }

    private func ask(
        _ process: TrialProcess, _ request: [UInt8], _ job: HandlerJob, _ spec: BotSpec
    ) async -> HandlerResult {
        let limit = job.config.milliseconds("handler.timeout_ms")
        let alarm = Task {
            try await Task.sleep(for: limit)
            process.kill()
        }
        let answer = await withTaskCancellationHandler {
            await process.answer(request)
        } onCancel: {
            process.kill()
        }
        alarm.cancel()
        let isLate = (try? await alarm.value) != nil
        if let answer, !isLate, !Task.isCancelled {
            idle.append(process)
            do {
                return try TrialCoding.decode(TrialAnswer.self, answer).result
            } catch {
                return .failed("its trial answered something else than effects: \(error)")
            }
        }
        switch await process.end() {
        case .ownFault(let how) where answer == nil:
            logger.error("a handler ended its process, which \(how)", metadata: Self.metadata(job, spec))
            return .crashed("the handler ended its process, which \(how)")
        case .ownFault(let how), .killed(let how):
            if isLate { return .failed("the handler took longer than \(limit)") }
            logger.warning("the process of a handler was killed", metadata: Self.metadata(job, spec))
            return .failed("the process of the handler was killed: \(how)")
        }
    }

    private static func metadata(_ job: HandlerJob, _ spec: BotSpec) -> Logger.Metadata {
        ["bot": "\(spec.id)", "update": "\(job.update.id)"]
    }

    private func eventLoop() throws -> EventLoop {
        if let loop { return loop }
        let fresh = try EventLoop(name: "trial")
        loop = fresh
        return fresh
    }

    private func leave() {
        if let next = line.popFirst() { return next.resume() }
        busy -= 1
        guard busy == 0 else { return }
        let runs = runs
        Task {
            try? await Task.sleep(for: Self.patience)
            await self.close(unlessMoreThan: runs)
        }
    }

    private func close(unlessMoreThan runs: Int) async {
        if self.runs == runs, busy == 0 { await shutdown() }
    }

    /// Ends the idle processes. Those at work end with their handler's cancellation, or with this process.
    func shutdown() async {
        let (processes, loop) = (idle, loop)
        idle = []
        self.loop = nil
        for process in processes { _ = await process.end() }
        loop?.shutdown()
    }
}
