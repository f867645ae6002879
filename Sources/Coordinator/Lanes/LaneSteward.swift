import Broker
import FleetControl
import FleetModel
import Logging
import Store

/// Sees to it that every bot has the layout that is wanted and that each of its lanes has an owner and a standby.
///
/// It keeps nothing that another coordinator would miss: what is to be done follows from the database, the roster and the
/// supervisor at every turn. See docs/decisions/0007-lanes.md.
actor LaneSteward {
    /// Between two turns while lanes finish what they have: doubles from the first to the last of these.
    private static let pauses: (first: Duration, last: Duration) = (.milliseconds(100), .seconds(3))
    /// Seals are published again after this time: a queue may have been lost with its seal.
    private static let sealAgainAfter: Duration = .seconds(60)

    private let database: Database
    private let queues: LaneQueues
    private let roster: RosterKeeper
    private let supervisor: Supervisor?
    private let broadcaster: Broadcaster
    private let nudge: Nudge
    private let logger: Logger

    private var crew = LaneCrew()
    /// Bots that have assignments; `nil` before the first look at all of them.
    private var assigned: Set<BotID>?
    /// Workers by name that are to be told to reread, and were not yet.
    private var untold: [BotID: Set<String>] = [:]
    /// Bots of whom every worker is to be told.
    private var untoldBots: Set<BotID> = []
    /// Layouts whose queues are known to answer and not used yet.
    private var prepared: [BotID: LaneLayout] = [:]
    private var sealsOut: [BotID: (epoch: Int32, at: ContinuousClock.Instant)] = [:]
    private var lastProblem: String?

    init(
        database: Database, queues: LaneQueues, roster: RosterKeeper, supervisor: Supervisor?, broadcaster: Broadcaster,
        nudge: Nudge, logger: Logger
    ) {
        self.database = database
        self.queues = queues
        self.roster = roster
        self.supervisor = supervisor
        self.broadcaster = broadcaster
        self.nudge = nudge
        self.logger = logger
    }

    /// Looks at each nudge, and often while a layout changes, until the task is cancelled. The first nudge comes when the
    /// supervisor knows whom it wants.
    func run() async {
        var pause = Duration.seconds(3600)
        while !Task.isCancelled {
            await nudge.wait(atMost: pause)
            if Task.isCancelled { break }
            switch await turn() {
            case .idle: pause = Self.pauses.last
            case .progressed: pause = .zero
            case .waiting: pause = min(max(pause * 2, Self.pauses.first), Self.pauses.last)
            }
            // However many workers come and go at once.
            try? await Task.sleep(for: .milliseconds(20))
        }
    }

    private enum Outlook { case idle, waiting, progressed }

    private func turn() async -> Outlook {
        var outlook = Outlook.idle
        do throws(StoreError) {
            outlook = try await changeLayouts()
            try await place()
            lastProblem = nil
        } catch {
            report("lanes are left as they are: \(error)")
        }
        await tell()
        return outlook
    }

    /// Once, until something else happens.
    private func report(_ problem: String) {
        if problem != lastProblem { logger.warning("\(problem)") }
        lastProblem = problem
    }

    // MARK: Layouts

    private func changeLayouts() async throws(StoreError) -> Outlook {
        var outlook = Outlook.idle
        let states = try await database.layoutChanges()
        for state in states {
            let change = LayoutChange.next(state, sealsAreOut: sealsAreOut(state.layout))
            if case .wait = change {
                if outlook == .idle { outlook = .waiting }
                continue
            }
            do {
                try await perform(change, state.layout)
                outlook = .progressed
            } catch let error as StoreError {
                // Another coordinator did it, or the bot is gone: the next look tells.
                if error.code != .conflict, error.code != .notFound { throw error }
            } catch {
                report("the layout of \(state.layout.bot) is left as it is: \(error)")
                if outlook == .idle { outlook = .waiting }
            }
        }
        sealsOut = sealsOut.filter { bot, _ in states.contains { $0.layout.bot == bot } }
        return outlook
    }

    private func sealsAreOut(_ layout: LaneLayout) -> Bool {
        guard let seals = sealsOut[layout.bot] else { return false }
        return seals.epoch == layout.epoch && seals.at.duration(to: .now) < Self.sealAgainAfter
    }

    private func perform(_ change: LayoutChange, _ layout: LaneLayout) async throws {
        let bot = layout.bot
        switch change {
        case .none, .wait: return
        case .close:
            let next = LaneLayout(bot: bot, epoch: layout.epoch + 1, lanes: try await spec(of: bot).lanes)
            try await queues.prepare(next, of: try await spec(of: bot))
            prepared[bot] = next
            _ = try await database.beginClosing(bot)
            untoldBots.insert(bot)
        case .seal:
            // They may not be there yet: the bot may never have run.
            try await queues.declare(layout, of: try await spec(of: bot))
            try await queues.seal(layout)
            sealsOut[bot] = (layout.epoch, .now)
        case .open(let next):
            if prepared[bot] == next {
                try await queues.prove(next)
            } else {
                // Another coordinator made them, or another number is wanted since.
                try await queues.prepare(next, of: try await spec(of: bot))
            }
            _ = try await database.openLayout(bot, epoch: next.epoch, lanes: next.lanes)
            prepared[bot] = nil
            untoldBots.insert(bot)
        case .sweep(let layouts):
            try await queues.delete(layouts)
            try await database.noteSwept(bot, before: layout.epoch)
        }
        logger.notice("\(change)", metadata: ["bot": "\(bot)", "epoch": "\(layout.epoch)"])
    }

    private func spec(of bot: BotID) async throws(StoreError) -> BotSpec {
        guard let record = try await database.bot(bot) else { throw StoreError(.notFound, "there is no bot \(bot)") }
        return record.spec
    }

    // MARK: Assignments

    private func place() async throws(StoreError) {
        let now = ContinuousClock.now
        let plans = try await plans(now)
        let wasFirst = assigned == nil
        var having = assigned ?? []
        for (bot, plan) in plans {
            if plan.assignments.isEmpty { having.remove(bot) } else { having.insert(bot) }
            let present = Dictionary(
                plan.assignments.map { ($0.key.number, LanePlacement.Place(owner: $0.owner, standby: $0.standby)) },
                uniquingKeysWith: { first, _ in first })
            // An earlier coordinator may have been killed before it told them.
            if wasFirst, !present.isEmpty {
                untoldBots.insert(bot)
                crew.credit(
                    Set(present.values.flatMap { [$0.owner, $0.standby].compactMap(\.self) }), of: bot, now: now)
            }
            let workers = crew.workers(of: bot, now: now)
            // A worker that finds no assignment serves every lane: one alone needs none.
            if workers.isEmpty || (workers.count == 1 && present.isEmpty) { continue }
            // An epoch that ends is not balanced any more; only what has lost its owner gets another.
            if plan.layout.state == .closing, !present.isEmpty,
                present.values.allSatisfy({ workers.contains($0.owner) })
            {
                continue
            }
            let placement = LanePlacement(plan.layout, workers: workers, present: present)
            if placement.places == present { continue }
            do throws(StoreError) {
                try await database.assignLanes(bot, epoch: plan.layout.epoch, placement.rows(of: plan.layout))
                having.insert(bot)
                untold[bot, default: []].formUnion(placement.touched(since: present))
            } catch {
                if error.code != .conflict { throw error }
            }
        }
        assigned = having
    }

    /// Those that several workers serve or that have assignments; at first all.
    private func plans(_ now: ContinuousClock.Instant) async throws(StoreError) -> [BotID: LanePlan] {
        crew.observe(await roster.presences(), await supervisor?.statuses() ?? [], now: now)
        guard let assigned else { return try await database.lanePlans(of: try await database.bots().map(\.spec.id)) }
        let meant = assigned.union(crew.sharedBots(now: now))
        return meant.isEmpty ? [:] : try await database.lanePlans(of: meant.sorted())
    }

    private func tell() async {
        if untold.isEmpty, untoldBots.isEmpty { return }
        let expected = await roster.expected { [untold, untoldBots] in untold[$0] != nil || untoldBots.contains($0) }
        let told = expected.filter { one in
            one.bots.contains { untoldBots.contains($0) || untold[$0]?.contains(one.worker.name) == true }
        }
        do throws(BroadcastError) {
            if !told.isEmpty { try await broadcaster.send(.refresh, to: told.map(\.worker.incarnation)) }
            untold = [:]
            untoldBots = []
        } catch {
            report("workers were not told of their lanes: \(error)")
        }
    }
}

extension LanePlacement {
    func rows(of layout: LaneLayout) -> [LaneAssignment] {
        places.sorted { $0.key < $1.key }.map { number, place in
            LaneAssignment(
                key: LaneKey(bot: layout.bot, epoch: layout.epoch, number: number), owner: place.owner,
                standby: place.standby)
        }
    }

    /// Who owns or stands by somewhere that it did not before, or no longer does.
    func touched(since present: [Int32: Place]) -> Set<String> {
        var names: Set<String> = []
        for number in Set(places.keys).union(present.keys) where places[number] != present[number] {
            for place in [places[number], present[number]] {
                names.formUnion([place?.owner, place?.standby].compactMap(\.self))
            }
        }
        return names
    }
}
