import BotKit
import FleetModel
import Logging
import Store
import Synchronization
import TelegramAPI

/// Keeps a worker subscribed to the lanes it is to serve, while layouts and assignments change under it.
///
/// It rereads them when told to (a message of the coordinator, a new connection), when a lane is over, and now and then
/// for bots with several lanes: one query for all bots of the worker.
final class LaneKeeper: Sendable {
    private enum Event: Sendable {
        case reread
        case plans(Result<[BotID: LanePlan], StoreError>)
        case ended(LaneKey, LaneEnding)
        case drain
    }

    private let bots: [BotID: ServedBot]
    private let services: LaneServices
    private let config: FleetConfig
    private let logger: Logger
    private let mailbox = Mailbox<Event>()
    private let running = Mutex<[LaneKey: ServedLane]>([:])

    /// Between two looks at the database for bots with several lanes.
    static let restInterval: Duration = .seconds(5)
    /// The same while a layout changes, or the database did not answer.
    static let changeInterval: Duration = .milliseconds(500)

    init(bots: [ServedBot], services: LaneServices, config: FleetConfig, logger: Logger) {
        self.bots = Dictionary(bots.map { ($0.spec.id, $0) }, uniquingKeysWith: { first, _ in first })
        firstBot = bots.first?.spec
        self.services = services
        self.config = config
        self.logger = logger
    }

    /// Look at layouts and assignments again.
    func reread() { mailbox.post(.reread) }

    /// Let all lanes go, for good; ``run()`` then returns.
    func drain() { mailbox.post(.drain) }

    /// Lanes at work here; movers are not among them.
    var lanes: [LaneRunner] {
        running.withLock { running in
            running.values.compactMap { if case .lane(let lane) = $0 { lane } else { nil } }
        }
    }

    /// The bot's token was changed.
    func use(_ token: BotToken, of bot: BotID) {
        guard let served = bots[bot] else { return }
        served.use(token)
        for lane in lanes where lane.spec.id == bot { lane.telegram.use(served.telegram) }
    }

    /// The bot whose config a setting of the whole process is taken from.
    let firstBot: BotSpec?

    /// Serves what a ``reread()`` found, until ``drain()`` or until the task is cancelled.
    func run() async {
        var state = State(bots: bots.keys.sorted(), worker: services.worker.name)
        await withTaskCancellationHandler {
            await withDiscardingTaskGroup { group in
                while !Task.isCancelled && !state.isDone {
                    for event in await mailbox.next() { take(event, &state, &group) }
                    state.alarm(mailbox)
                }
                state.end()
            }
        } onCancel: {
            mailbox.wake()
        }
    }

    private struct State {
        var sets: [BotID: LaneSet]
        var isReading = false
        /// Asked for while one was under way.
        var isStale = false
        var isDraining = false
        /// The last reading failed: what it would have told must not be missed.
        var hasFailed = false
        private var timer: Task<Void, Never>?

        init(bots: [BotID], worker: String) {
            sets = Dictionary(uniqueKeysWithValues: bots.map { ($0, LaneSet(worker: worker)) })
        }

        var isDone: Bool { isDraining && sets.values.allSatisfy(\.isEmpty) }

        /// Wakes the keeper for the next look. A worker whose bots have one lane each is left alone.
        mutating func alarm(_ mailbox: Mailbox<Event>) {
            guard timer == nil, !isReading, !isDraining else { return }
            guard hasFailed || sets.values.contains(where: \.isWatched) else { return }
            let isChanging = hasFailed || sets.values.contains(where: \.isChanging)
            let pause = isChanging ? LaneKeeper.changeInterval : LaneKeeper.restInterval
            timer = Task {
                try? await Task.sleep(for: pause)
                if !Task.isCancelled { mailbox.post(.reread) }
            }
        }

        mutating func stopTimer() {
            timer?.cancel()
            timer = nil
        }

        mutating func end() { stopTimer() }
    }

    private func take(_ event: Event, _ state: inout State, _ group: inout DiscardingTaskGroup) {
        switch event {
        case .reread:
            if state.isDraining { return }
            state.stopTimer()
            if state.isReading {
                state.isStale = true
            } else {
                read(&state, &group)
            }
        case .plans(let result):
            state.isReading = false
            plans(result, &state, &group)
            if state.isStale, !state.isDraining { read(&state, &group) }
        case .ended(let key, let ending):
            running.withLock { $0[key] = nil }
            services.counters.remove(key)
            let actions = state.sets[key.bot]?.ended(key, ending) ?? []
            act(actions, of: key.bot, &group)
            if ending == .over { mailbox.post(.reread) }
        case .drain:
            state.isDraining = true
            state.stopTimer()
            for bot in state.sets.keys.sorted() { act(state.sets[bot]?.drain() ?? [], of: bot, &group) }
        }
    }

    private func read(_ state: inout State, _ group: inout DiscardingTaskGroup) {
        state.isReading = true
        state.isStale = false
        let names = Array(bots.keys)
        group.addTask { [database = services.database, mailbox] in
            do throws(StoreError) {
                mailbox.post(.plans(.success(try await database.lanePlans(of: names))))
            } catch {
                mailbox.post(.plans(.failure(error)))
            }
        }
    }

    private func plans(
        _ result: Result<[BotID: LanePlan], StoreError>, _ state: inout State, _ group: inout DiscardingTaskGroup
    ) {
        switch result {
        case .failure(let error):
            state.hasFailed = true
            logger.warning("layouts not read: \(error)")
        case .success(let plans):
            state.hasFailed = false
            // One that is gone is left as it is: its claims and settlements are refused.
            for (bot, plan) in plans.sorted(by: { $0.key < $1.key }) {
                act(state.sets[bot]?.planned(plan) ?? [], of: bot, &group)
            }
        }
    }

    private func act(_ actions: [LaneSet.Action], of bot: BotID, _ group: inout DiscardingTaskGroup) {
        guard let served = bots[bot] else { return }
        for action in actions {
            switch action {
            case .start(let key, let layout, let duty):
                start(key, served.runner(key, layout, duty), of: served, &group)
            case .leave(let key):
                running.withLock { $0[key] }?.leave()
            case .assign(let key, let duty):
                guard let place = running.withLock({ $0[key] })?.place else { continue }
                place.role.duty = duty
                group.addTask {
                    await place.subscribed()
                    await place.wake()
                }
            }
        }
    }

    private func start(_ key: LaneKey, _ lane: ServedLane, of bot: ServedBot, _ group: inout DiscardingTaskGroup) {
        // Before its config is read: what changes from here on reaches the lane by its mailbox. So with the token.
        running.withLock { $0[key] = lane }
        if case .lane(let runner) = lane { runner.telegram.use(bot.telegram) }
        let config = config
        let spec = bot.spec
        let effective: @Sendable () -> BotConfig = { config.current.effective(bot: spec.id, labels: spec.labels) }
        group.addTask { [mailbox, services] in
            let ending = await lane.run(config: effective, drainDeadline: services.drainDeadline)
            mailbox.post(.ended(key, ending))
        }
    }
}
