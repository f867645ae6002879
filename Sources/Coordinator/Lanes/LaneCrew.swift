import FleetControl
import FleetModel

/// Which workers may own lanes of which bot: a value without clock or I/O.
///
/// A worker may as long as it was seen at work within ``grace``, so that a quick restart moves nothing; the broker's
/// standby bridges the gap. One that the supervisor has just begun to want may from then on, so that a bot's lanes are
/// not moved once for each of its workers that starts. One that the supervisor no longer wants may not.
struct LaneCrew: Sendable {
    static let grace: Duration = .seconds(10)

    private struct Member: Sendable {
        var atWork: ContinuousClock.Instant
        var isWanted = false
    }

    private var members: [BotID: [String: Member]] = [:]

    /// Takes up what the roster and the supervisor say now. The table holds no more than the roster, the supervisor and
    /// the assignments together.
    mutating func observe(_ workers: [Roster.Presence], _ processes: [ProcessStatus], now: ContinuousClock.Instant) {
        for bot in members.keys {
            for name in (members[bot] ?? [:]).keys { members[bot]?[name]?.isWanted = false }
        }
        var unwanted: [(bot: BotID, name: String)] = []
        for process in processes {
            guard let bot = DesiredProcesses.bot(ofWorker: process.name) else { continue }
            if process.isWanted {
                members[bot, default: [:]][process.name, default: Member(atWork: now)].isWanted = true
            } else {
                unwanted.append((bot, process.name))
            }
        }
        for worker in workers where !worker.isDead && worker.heartbeat.state == .running {
            let seen = now - worker.silence
            for bot in worker.heartbeat.bots {
                let name = worker.heartbeat.worker.name
                let known = members[bot]?[name]?.atWork ?? seen
                members[bot, default: [:]][name, default: Member(atWork: seen)].atWork = max(known, seen)
            }
        }
        for (bot, name) in unwanted { members[bot]?[name] = nil }
        for (bot, table) in members {
            let left = table.filter { $1.isWanted || isPresent($1, now) }
            members[bot] = left.isEmpty ? nil : left
        }
    }

    /// Owners that an earlier coordinator chose: they get the grace, too.
    mutating func credit(_ names: Set<String>, of bot: BotID, now: ContinuousClock.Instant) {
        for name in names where members[bot]?[name] == nil { members[bot, default: [:]][name] = Member(atWork: now) }
    }

    func workers(of bot: BotID, now: ContinuousClock.Instant) -> [String] {
        (members[bot] ?? [:]).filter { isPresent($1, now) }.keys.sorted()
    }

    /// Those with several such workers.
    func sharedBots(now: ContinuousClock.Instant) -> [BotID] {
        members.keys.filter { bot in (members[bot] ?? [:]).values.count { isPresent($0, now) } > 1 }
    }

    private func isPresent(_ member: Member, _ now: ContinuousClock.Instant) -> Bool {
        member.atWork.duration(to: now) < Self.grace
    }
}
