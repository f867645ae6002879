import Broker
import FleetControl
import FleetModel
import Logging
import Store

/// Puts dead letters back into their bots' intakes, one after another: confirmed by the broker, then marked.
///
/// One replay at a time. What is cut off between the two is put back again by the next; the inbox lets it take effect
/// once.
actor Replays {
    /// Letters of a page; their bodies are read one at a time.
    private static let page = 500
    /// Replays that have ended and can still be asked for.
    private static let kept = 20

    private let database: Database
    private let publisher: ControlPublisher
    private let logger: Logger
    private var count = 0
    private var ended: [ReplayView] = []
    private var run: ReplayRun?
    private var work: Task<Void, Never>?
    private var isEnding = false

    init(database: Database, publisher: ControlPublisher, logger: Logger) {
        self.database = database
        self.publisher = publisher
        self.logger = logger
    }

    /// - Parameters:
    ///   - last: no higher numbers, so that what fails again is not replayed for ever.
    /// - Throws: `conflict` while another one runs.
    func start(
        _ filter: DeadLetterFilter, upTo last: Int64, total: Int64, rate: Int, by author: String
    ) throws(APIFailure) -> ReplayView {
        if let view = run?.view {
            throw .conflict(
                "replay \(view.number) runs (\(view.replayed + view.failed) of \(view.total)); wait for it, "
                    + "or end it with `fleetctl dlq stop \(view.number)`")
        }
        if isEnding { throw .unavailable("the coordinator ends; try again") }
        count += 1
        let view = ReplayView(number: count, author: author, total: total, startedAt: .now)
        run = ReplayRun(view, rate: rate, now: .now)
        work = Task { await self.carryOut(filter, upTo: last) }
        return view
    }

    /// The one that runs, and those that ended, newest first.
    func views() -> [ReplayView] { [run?.view].compactMap(\.self) + ended }

    /// Ends it after the letter under way. One that has ended stays as it is.
    func stop(_ number: Int) async {
        guard run?.view.number == number, let work else { return }
        work.cancel()
        await work.value
    }

    /// Ends what runs, and refuses more.
    func end() async {
        isEnding = true
        work?.cancel()
        await work?.value
    }

    private func carryOut(_ filter: DeadLetterFilter, upTo last: Int64) async {
        var (state, detail) = await replayAll(filter, upTo: last)
        // A cancelled task gets no connection; what was put back is to be marked all the same.
        let unmarked = run?.takeUnmarked() ?? []
        let problem = await Task { [database] () -> StoreError? in
            do throws(StoreError) {
                try await database.markReplayed(unmarked)
                return nil
            } catch {
                return error
            }
        }.value
        if let problem {
            state = .failed
            detail = "\(unmarked.count) were put back and not marked so: \(problem)"
        }
        run?.end(state, detail)
        if let view = run?.view {
            logger.notice(
                "replay ended: \(view.state)",
                metadata: [
                    "replay": "\(view.number)", "replayed": "\(view.replayed)", "failed": "\(view.failed)",
                    "detail": "\(view.detail ?? "-")",
                ])
            ended = Array(([view] + ended).prefix(Self.kept))
        }
        run = nil
        work = nil
    }

    private func replayAll(_ filter: DeadLetterFilter, upTo last: Int64) async -> (ReplayView.State, String?) {
        var after: Int64 = 0
        do throws(StoreError) {
            while true {
                let page = try await database.deadLetters(filter, after: after, upTo: last, limit: Self.page)
                if page.isEmpty { return (.done, nil) }
                for letter in page {
                    after = letter.number
                    if let reason = try await replay(letter) { return (.failed, reason) }
                    if Task.isCancelled { return (.stopped, nil) }
                    if run?.isTimeToMark == true {
                        try await database.markReplayed(run?.unmarked ?? [])
                        _ = run?.takeUnmarked()
                    }
                }
            }
        } catch {
            return Task.isCancelled ? (.stopped, nil) : (.failed, "the database does not answer: \(error)")
        }
    }

    /// - Returns: why no other letter will do better.
    private func replay(_ letter: DeadLetter) async throws(StoreError) -> String? {
        guard run?.accepts(letter.bot) == true else {
            run?.skip(letter.number, of: letter.bot)
            return nil
        }
        while let turn = run?.turn(now: .now) {
            try? await Task.sleep(until: turn, clock: .continuous)
            if Task.isCancelled { return nil }
            let outcome = try await put(letter.number)
            switch run?.tried(letter.number, of: letter.bot, outcome, now: .now) {
            case .again: try? await Task.sleep(for: ReplayRun.pause)
            case .fail(let reason): return reason
            case .nextLetter, nil: return nil
            }
        }
        return nil
    }

    private func put(_ number: Int64) async throws(StoreError) -> ReplayRun.Outcome {
        guard let letter = try await database.deadLetter(number), let body = letter.body else { return .gone }
        let publication = Publication(
            routingKey: FleetTopology.intakeQueue(of: letter.bot),
            body: body,
            contentType: "application/json",
            headers: [FleetTopology.replayHeader: .int(number)]
        )
        do throws(BrokerError) {
            return switch try await publisher.publish([publication]).first ?? .unknown {
            case .confirmed: .confirmed
            case .returned: .noQueue
            case .nacked: .full
            case .unknown, .unsent: .away("RabbitMQ did not confirm it")
            }
        } catch {
            return .away("\(error)")
        }
    }
}
