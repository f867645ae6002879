import Broker
import FleetControl
import HTTPTransport
import Logging
import Store

/// What the coordinator is connected to. Receiving and publishing have connections of their own, because a broker under
/// a memory alarm stops reading from those that publish.
struct Connections: Sendable {
    let database: Database
    let incoming: BrokerLink
    let outgoing: BrokerLink
    /// To Telegram.
    let http: HTTPTransport

    /// Connects within the start-up timeout, trying again where that can help.
    static func open(_ configuration: CoordinatorConfiguration, logger: Logger) async throws(StartupError)
        -> Connections
    {
        let deadline = ContinuousClock.now + configuration.startupTimeout
        var store = configuration.store
        store.maxConnections = max(store.maxConnections, 4)
        var http = HTTPConfiguration()
        http.caFile = configuration.telegramCAFile
        let connections: Connections
        do {
            connections = Connections(
                database: try Database(store, logger: logger),
                incoming: BrokerLink(configuration: configuration.broker, logger: logger),
                outgoing: BrokerLink(configuration: configuration.broker, logger: logger),
                http: try HTTPTransport(http)
            )
        } catch {
            throw StartupError("\(error)")
        }
        do {
            try await connections.awaitDatabase(until: deadline)
            try await connections.awaitBroker(until: deadline)
        } catch {
            await connections.close()
            throw error
        }
        return connections
    }

    private func awaitDatabase(until deadline: ContinuousClock.Instant) async throws(StartupError) {
        var pause = Duration.milliseconds(100)
        while true {
            do throws(StoreError) {
                _ = try await database.apiTokens()
                return
            } catch {
                // 42P01, undefined_table: PostgreSQL manual, appendix A.
                if error.code == .server("42P01") {
                    throw StartupError("the database has no fleet tables; run `fleetctl migrate up`")
                }
                if error.disposition == .giveUp || ContinuousClock.now + pause > deadline {
                    throw StartupError("\(error)")
                }
            }
            try? await Task.sleep(for: pause)
            pause = min(pause * 2, .seconds(1))
        }
    }

    private func awaitBroker(until deadline: ContinuousClock.Instant) async throws(StartupError) {
        let link = incoming
        do throws(BrokerError) {
            // At least a moment, however long the database took.
            let left = max(ContinuousClock.now.duration(to: deadline), .seconds(1))
            try await withDeadline(left, "RabbitMQ did not answer in time; is it running, and is FLEET_AMQP_URL right?")
            {
                () async throws(BrokerError) in
                let channel = try await link.connection().openChannel()
                try await ControlTopology.declareExchanges(on: channel)
                await channel.close()
            }
        } catch {
            throw StartupError("\(error)")
        }
    }

    func close() async {
        await incoming.close()
        await outgoing.close()
        await http.shutdown()
        await database.shutdown()
    }
}
