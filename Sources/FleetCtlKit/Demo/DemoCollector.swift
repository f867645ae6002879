import FleetModel
import Logging
import Store

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Fetches what the audit compares: the simulator's logs, and what the database holds.
struct DemoCollector: Sendable {
    let plan: DemoPlan
    let bots: [(id: BotID, telegram: Int64)]
    let simulator: SimulatorClient
    let databaseURL: String

    func report(broadcast: DemoReport.Broadcast, kill: DemoAudit.Kill?) async throws -> DemoReport {
        var injected: [DemoAudit.Injected] = []
        var replies: [DemoAudit.Reply] = []
        for bot in bots {
            let entries = try await simulator.log(of: bot.telegram)
            injected += entries.compactMap { Self.injected($0, bot.id) }
            replies += entries.compactMap { Self.reply($0, bot.id) }
        }
        var configuration = try StoreConfiguration(url: databaseURL)
        configuration.applicationName = "fleetctl demo"
        let database = try Database(configuration, logger: .quiet)
        do {
            let holdings = try await holdings(database)
            var kill = kill
            if let bot = kill?.bot {
                let claims = try await database.lanes(of: bot).map { $0.claimedAt.milliseconds * 1000 }
                kill?.claimedAt = claims.max()
            }
            await database.shutdown()
            return DemoAudit(
                plan: plan, injected: injected, replies: replies, holdings: holdings, kill: kill, broadcast: broadcast
            ).report()
        } catch {
            await database.shutdown()
            throw error
        }
    }

    private static func injected(_ entry: SimulatorClient.Entry, _ bot: BotID) -> DemoAudit.Injected? {
        guard let update = entry.updateID, let at = entry.injectedAt, let number = DemoPlan.number(in: entry.text)
        else {
            return nil
        }
        return DemoAudit.Injected(bot: bot, updateID: update, chat: entry.chat, number: number, at: at)
    }

    private static func reply(_ entry: SimulatorClient.Entry, _ bot: BotID) -> DemoAudit.Reply? {
        guard entry.method == "sendMessage", let at = entry.at, let number = DemoPlan.number(in: entry.text) else {
            return nil
        }
        return DemoAudit.Reply(
            bot: bot, chat: entry.chat, number: number, at: at,
            hasNewGreeting: entry.text.hasPrefix(DemoPlan.secondGreeting))
    }

    /// A moment may pass between the last reply's arrival and the mark that it was sent.
    private func holdings(_ database: Database) async throws -> [BotID: DemoAudit.Holding] {
        let deadline = ContinuousClock.now + .seconds(10)
        while true {
            var all: [BotID: DemoAudit.Holding] = [:]
            for bot in bots { all[bot.id] = try await holding(database, bot.id) }
            if all.values.allSatisfy({ $0.unsent == 0 }) || ContinuousClock.now > deadline { return all }
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    private struct Session: Decodable { var count: Int }

    private func holding(_ database: Database, _ bot: BotID) async throws -> DemoAudit.Holding {
        func statement(_ name: String, _ sql: String) -> Statement { Statement(name, sql) { $0.add(bot) } }
        let results = try await database.pipeline(
            [
                statement("demo.inbox", "SELECT update_id FROM inbox WHERE bot_id = $1 AND outcome = 1"),
                statement("demo.sessions", "SELECT conversation, state FROM session WHERE bot_id = $1"),
                statement(
                    "demo.outbox",
                    "SELECT count(*) FROM outbox JOIN lane ON lane.id = outbox.lane_id WHERE lane.bot_id = $1"),
                statement("demo.dead", "SELECT count(*) FROM dead_letter WHERE bot_id = $1"),
            ],
            idempotent: true
        )
        var holding = DemoAudit.Holding()
        holding.done = Set(results[0].compactMap { $0.int64(0) })
        for row in results[1] {
            guard let chat = row.int64(0), let state = row.bytes(1) else { continue }
            holding.counters[chat] = (try? JSONDecoder().decode(Session.self, from: Data(state)))?.count
        }
        holding.unsent = results[2].first?.int(0) ?? 0
        holding.deadLetters = results[3].first?.int(0) ?? 0
        return holding
    }
}
