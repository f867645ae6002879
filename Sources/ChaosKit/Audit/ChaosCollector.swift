import FleetCtlKit
import FleetModel
import Store

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Fetches what the audit compares.
struct ChaosCollector: Sendable {
    /// Bots of the run, with Telegram's ids.
    let bots: [(id: BotID, telegram: Int64)]
    let simulator: SimulatorClient
    let database: Database

    func evidence() async throws -> Evidence {
        var evidence = Evidence(updates: [], replies: [], holdings: [:])
        for bot in bots {
            for entry in try await simulator.log(of: bot.telegram) {
                guard let numbers = ChaosLoad.numbers(in: entry.text) else { continue }
                if let update = entry.updateID, let at = entry.injectedAt {
                    var made = Evidence.Update(
                        bot: bot.id, updateID: update, chat: entry.chat, number: numbers.number, at: at)
                    made.handedOutAt = entry.handedOutAt
                    evidence.updates.append(made)
                } else if entry.method == "sendMessage", let at = entry.at, let count = numbers.count {
                    var reply = Evidence.Reply(
                        bot: bot.id, chat: entry.chat, number: numbers.number, count: count, at: at)
                    reply.answerLost = entry.answerLost ?? false
                    evidence.replies.append(reply)
                }
            }
            evidence.holdings[bot.id] = try await holding(bot.id)
        }
        return evidence
    }

    /// What there is still to do, by the database.
    func progress() async throws(StoreError) -> (settled: Int, unsent: Int, waiting: Int) {
        let results = try await database.pipeline(
            [
                Statement("chaos.inbox", "SELECT count(*) FROM inbox"),
                Statement("chaos.unsent", "SELECT count(*) FROM outbox"),
                Statement("chaos.waiting", "SELECT count(*) FROM waiting"),
            ], idempotent: true)
        func count(_ index: Int) -> Int { results[index].first?.int(0) ?? 0 }
        return (count(0), count(1), count(2))
    }

    private func holding(_ bot: BotID) async throws -> Evidence.Holding {
        func statement(_ name: String, _ sql: String) -> Statement { Statement(name, sql) { $0.add(bot) } }
        let results = try await database.pipeline(
            [
                statement("chaos.updates", "SELECT update_id, outcome FROM inbox WHERE bot_id = $1"),
                statement("chaos.ledgers", "SELECT conversation, state FROM session WHERE bot_id = $1"),
                statement(
                    "chaos.outbox",
                    "SELECT count(*) FROM outbox JOIN lane ON lane.id = outbox.lane_id WHERE lane.bot_id = $1"),
                statement(
                    "chaos.parked",
                    "SELECT count(*) FROM waiting JOIN lane ON lane.id = waiting.lane_id WHERE lane.bot_id = $1"),
            ], idempotent: true)
        var holding = Evidence.Holding()
        for row in results[0] {
            guard let update = row.int64(0) else { continue }
            if row.int(1) == 1 { holding.done.insert(update) } else { holding.dead.insert(update) }
        }
        for row in results[1] {
            guard let chat = row.int64(0), let state = row.bytes(1) else { continue }
            holding.ledgers[chat] = try? JSONDecoder().decode(Evidence.Ledger.self, from: Data(state))
        }
        holding.unsent = results[2].first?.int(0) ?? 0
        holding.waiting = results[3].first?.int(0) ?? 0
        return holding
    }
}
