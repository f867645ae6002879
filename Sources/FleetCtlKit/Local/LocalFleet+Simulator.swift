import FleetModel
import HTTPTransport
import LocalServices
import Store

extension LocalFleet {
    /// Far above what a queue can hold of a bot's updates that were not settled yet.
    private static let gap: Int64 = 1_000_000

    /// Makes the fleet's bots known to a simulator that was started anew: it keeps everything in memory. Each goes on
    /// with its token, and with update ids that it has not used before.
    /// - Returns: how many it did not know.
    public func introduceBots(
        to simulator: String, _ endpoints: ServiceEndpoints, transport: HTTPTransport
    ) async throws -> Int {
        // Without a key there are no tokens.
        guard let vault = try? TokenVault(file: keyFile) else { return 0 }
        let client = SimulatorClient(base: simulator, transport: transport)
        let known = Set(try await client.bots().map(\.id))
        var configuration = try StoreConfiguration(url: endpoints.databaseURL ?? "")
        configuration.applicationName = "fleetctl"
        let database = try Database(configuration, logger: .quiet)
        do {
            var bots: [SimulatorClient.KnownBot] = []
            for record in try await database.bots() where record.hasToken && talks(record.spec, to: simulator) {
                if let id = record.telegramID, known.contains(id) { continue }
                let token = try await database.token(of: record.spec.id, vault: vault)
                let last = try await database.lastSettledUpdate(of: record.spec.id) ?? 0
                bots.append(
                    SimulatorClient.KnownBot(
                        token: token.reveal(), username: record.username, name: record.spec.id.rawValue,
                        firstUpdateID: last + Self.gap))
            }
            try await introduce(bots, client)
            await database.shutdown()
            return bots.count
        } catch {
            await database.shutdown()
            throw error
        }
    }

    /// Another `up` may be doing the same at this moment: who is known by now is no error.
    private func introduce(_ bots: [SimulatorClient.KnownBot], _ client: SimulatorClient) async throws(Fault) {
        for bot in bots {
            do throws(Fault) {
                try await client.introduce(bot)
            } catch {
                let known = try await client.bots().map { "\($0.id)" }
                guard known.contains(where: { bot.token.hasPrefix("\($0):") }) else { throw error }
            }
        }
    }

    private func talks(_ bot: BotSpec, to simulator: String) -> Bool { bot.apiURL == nil || bot.apiURL == simulator }
}
