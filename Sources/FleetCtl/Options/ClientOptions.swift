import ArgumentParser
import FleetCtlKit
import FleetModel
import HTTPTransport
import LocalServices

/// Where the coordinator is, and the token for it.
struct ClientOptions: ParsableArguments {
    @OptionGroup var home: HomeOptions

    @Option(help: "The coordinator's URL. [FLEET_COORDINATOR_URL, else the local fleet's]")
    var coordinator: String?

    @Option(help: "File of the API token. [FLEET_API_TOKEN, FLEET_API_TOKEN_FILE, else the local fleet's]")
    var apiTokenFile: String?

    /// Calls `body` with a client, and takes the transport down after it.
    func withClient<Value>(_ body: (FleetClient) async throws -> Value) async throws -> Value {
        try await Transport.with { try await body(try client($0)) }
    }

    func client(_ transport: HTTPTransport) throws -> FleetClient {
        FleetClient(base: try url, token: try token, transport: transport)
    }

    private var fleet: LocalFleet { home.fleet() }

    private var url: String {
        get throws {
            if let url = coordinator ?? Environment.value("FLEET_COORDINATOR_URL") { return url }
            guard let url = fleet.address(fleet.coordinatorFile) else {
                throw Fault(
                    "no fleet in \(fleet.home.path); start one with `fleetctl up`, or name a coordinator with --coordinator"
                )
            }
            return url
        }
    }

    private var token: Secret {
        get throws {
            if apiTokenFile == nil, let token = Environment.value("FLEET_API_TOKEN") { return Secret(token) }
            let file = apiTokenFile ?? Environment.value("FLEET_API_TOKEN_FILE") ?? fleet.apiTokenFile
            guard let text = TextFile.read(file) else {
                throw Fault(
                    "no API token at \(file); name its file with --api-token-file, or give it in FLEET_API_TOKEN")
            }
            return Secret(text.filter { !$0.isWhitespace })
        }
    }
}

enum Transport {
    /// Calls `body` with an HTTP transport and shuts it down whatever happens.
    static func with<Value>(_ body: (HTTPTransport) async throws -> Value) async throws -> Value {
        let transport = try HTTPTransport()
        do {
            let value = try await body(transport)
            await transport.shutdown()
            return value
        } catch {
            await transport.shutdown()
            throw error
        }
    }
}
