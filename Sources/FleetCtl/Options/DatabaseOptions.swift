import ArgumentParser
import Broker
import FleetCtlKit
import LocalServices
import Logging
import Store

/// The servers themselves, for commands that do not go through the coordinator.
struct ServerOptions: ParsableArguments {
    @OptionGroup var home: HomeOptions

    /// What the environment names, else the local fleet's.
    func endpoints() throws -> ServiceEndpoints {
        let given = ServiceEndpoints(environment: Environment.all)
        guard let own = try LocalServices(home: home.directory).endpoints() else { return given }
        return given.completed(by: own)
    }

    func databaseURL() throws -> String {
        guard let url = try endpoints().databaseURL else {
            throw Fault("no PostgreSQL: name it in FLEET_DATABASE_URL, or start one with `fleetctl services up`")
        }
        return url
    }

    /// With the authority of FLEET_AMQP_CA_FILE for amqps, as all processes of a fleet read it.
    func broker(name: String) throws -> BrokerConfiguration {
        var configuration = try BrokerConfiguration(url: try brokerURL(), name: name)
        configuration.caFile = Environment.value("FLEET_AMQP_CA_FILE") ?? configuration.caFile
        return configuration
    }

    private func brokerURL() throws -> String {
        guard let url = try endpoints().amqpURL else {
            throw Fault("no RabbitMQ: name it in FLEET_AMQP_URL, or start one with `fleetctl services up`")
        }
        return url
    }

    /// Calls `body` with the database and shuts it down whatever happens.
    func withDatabase<Value>(_ body: (Database) async throws -> Value) async throws -> Value {
        var configuration = try StoreConfiguration(url: try databaseURL())
        configuration.applicationName = "fleetctl"
        let database = try Database(configuration, logger: .quiet)
        do {
            let value = try await body(database)
            await database.shutdown()
            return value
        } catch {
            await database.shutdown()
            throw error
        }
    }
}
