import FleetControl
import FleetModel
import Logging
import Store

/// Sees to it that what runs is what the database says should run: reads the bots, hands the wanted processes to the
/// supervisor. Every reading is applied before the next begins, so an old one never undoes a newer one.
actor Steward {
    private let database: Database
    private let roster: RosterKeeper
    private let supervisor: Supervisor?
    private let supervision: CoordinatorConfiguration.Supervision?
    /// Given when the wanted processes are known.
    private let applied: Nudge
    private let logger: Logger
    private var last: Task<Bool, Never>?
    private var adoption: Task<Void, Never>?
    private var isSuspended = false
    private(set) var databaseAnswers = true

    init(
        database: Database,
        roster: RosterKeeper,
        supervisor: Supervisor?,
        supervision: CoordinatorConfiguration.Supervision?,
        applied: Nudge,
        logger: Logger
    ) {
        self.database = database
        self.roster = roster
        self.supervisor = supervisor
        self.supervision = supervision
        self.applied = applied
        self.logger = logger
    }

    /// Reads the database, from now on, and applies it. Returns whether the database answered.
    @discardableResult
    func refresh() async -> Bool {
        let previous = last
        let mine = Task {
            _ = await previous?.value
            return await self.readAndApply()
        }
        last = mine
        return await mine.value
    }

    /// From here on nothing is started any more.
    func suspend() { isSuspended = true }

    /// Takes over the processes of an earlier coordinator, once, before anything is started or stopped.
    func adopt() async {
        let task = adoption ?? Task { [supervisor] in _ = await supervisor?.adopt() }
        adoption = task
        await task.value
    }

    private func readAndApply() async -> Bool {
        await adopt()
        do throws(StoreError) {
            let config = try await database.configState(scopes: [])
            await roster.setGeneration(config.generation, hash: config.hash)
            let bots = try await database.bots()
            // With the database away, everything stays as it is.
            if !isSuspended { await supervisor?.reconcile(processes(for: bots.map(\.spec))) }
            if !databaseAnswers { logger.notice("the database answers again") }
            databaseAnswers = true
            applied.give()
        } catch {
            if databaseAnswers { logger.warning("the database is away: \(error)") }
            databaseAnswers = false
        }
        return databaseAnswers
    }

    private func processes(for bots: [BotSpec]) -> [ProcessSpec] {
        guard let supervision else { return [] }
        return DesiredProcesses.specs(for: bots, supervision)
    }
}
