import DequeModule
import EventLoop
import FleetModel
import Logging

/// Runs the handlers of suspects in processes of their own, a few of them for all lanes of a worker. They are started when
/// the first suspect comes and ended when none has come for a while.
actor TrialPool {
    /// Processes at the same time.
    static let bound = 4
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
        let process: TrialProcess
        let request: [UInt8]
        do {
            request = try TrialCoding.encode(TrialRequest(job, of: spec))
            process = try idle.popLast() ?? TrialProcess(loop: eventLoop())
        } catch {
            logger.error("no process to try a handler in: \(error)", metadata: ["bot": "\(spec.id)"])
            return .postponed("no process to try it in: \(error)")
        }
        let answer = await withTaskCancellationHandler {
            await process.answer(request)
        } onCancel: {
            process.kill()
        }
        if let answer {
            idle.append(process)
            do {
                return try TrialCoding.decode(TrialAnswer.self, answer).result
            } catch {
                return .failed("its trial answered something else than effects: \(error)")
            }
        }
        switch await process.end() {
        case .ownFault(let how):
            logger.error("a handler ended its process, which \(how)", metadata: Self.metadata(job, spec))
            return .crashed("the handler ended its process, which \(how)")
        case .killed(let how):
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
