import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import ServiceLifecycle

/// The HTTP server. It ends by letting nobody in and finishing the requests under way.
struct APIServer: Service {
    /// Connections at the same time; more wait in the kernel.
    static let connections = 512
    /// A connection without a request is closed after this time.
    static let idleTimeout = TimeAmount.seconds(75)

    let fleet: any FleetOperations
    let configuration: CoordinatorConfiguration
    let logger: Logger
    /// Called with the port once connections are taken.
    let onListening: @Sendable (Int) -> Void

    init(
        fleet: any FleetOperations,
        configuration: CoordinatorConfiguration,
        logger: Logger,
        onListening: @escaping @Sendable (Int) -> Void
    ) {
        self.fleet = fleet
        self.configuration = configuration
        self.logger = logger
        self.onListening = onListening
    }

    func run() async throws {
        let application = Application(
            router: APIRoutes.router(fleet, logger: logger),
            server: .http1(configuration: HTTP1Channel.Configuration(idleTimeout: Self.idleTimeout)),
            configuration: ApplicationConfiguration(
                address: .hostname(configuration.host, port: configuration.port),
                availableConnectionsDelegate: MaximumAvailableConnections(Self.connections)
            ),
            onServerRunning: { channel in
                let port = channel.localAddress?.port ?? configuration.port
                logger.notice("listening", metadata: ["host": "\(configuration.host)", "port": "\(port)"])
                onListening(port)
            },
            // The middleware says what matters, in the coordinator's own words.
            logger: Logger(label: "http") { _ in SwiftLogNoOpLogHandler() }
        )
        do {
            try await application.run()
        } catch let error as IOError {
            throw StartupError(
                "cannot listen on \(configuration.host):\(configuration.port): \(Self.reason(error.errnoCode)); "
                    + "stop what uses it or choose another with --listen")
        }
    }

    private static func reason(_ code: CInt) -> String { ErrorText.of(code) }
}
