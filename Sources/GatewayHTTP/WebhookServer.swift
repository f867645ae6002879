public import Gateway
import Glibc
import Hummingbird
import HummingbirdCore
public import Logging
import NIOCore
public import ServiceLifecycle

/// The HTTP server that webhooks come in by: plain HTTP, for a proxy in front that speaks TLS. It ends by letting nobody
/// in and answering the requests under way.
public struct WebhookServer: Service {
    /// Connections at the same time; more wait in the kernel.
    static let connections = 1024
    /// A connection without a request, or in the midst of a request's head, is closed after this time.
    static let idleTimeout = TimeAmount.seconds(75)

    private let intake: WebhookIntake
    private let host: String
    private let port: Int
    private let logger: Logger
    private let onListening: @Sendable (Int) -> Void

    public struct CannotListen: Error, CustomStringConvertible {
        public let description: String
    }

    /// - Parameters:
    ///   - port: 0 takes a free one.
    ///   - onListening: called with the port once connections are taken.
    public init(
        _ intake: WebhookIntake, host: String, port: Int, logger: Logger,
        onListening: @escaping @Sendable (Int) -> Void = { _ in }
    ) {
        self.intake = intake
        self.host = host
        self.port = port
        self.logger = logger
        self.onListening = onListening
    }

    public func run() async throws {
        let application = Application(
            responder: WebhookResponder(intake: intake),
            server: .http1(configuration: HTTP1Channel.Configuration(idleTimeout: Self.idleTimeout)),
            configuration: ApplicationConfiguration(
                address: .hostname(host, port: port),
                availableConnectionsDelegate: MaximumAvailableConnections(Self.connections)
            ),
            onServerRunning: { channel in
                let port = channel.localAddress?.port ?? port
                logger.notice("taking webhooks", metadata: ["host": "\(host)", "port": "\(port)"])
                onListening(port)
            },
            // Anybody can make it say things: what matters is counted.
            logger: Logger(label: "http") { _ in SwiftLogNoOpLogHandler() }
        )
        do {
            try await application.run()
        } catch let error as IOError {
            throw CannotListen(
                description:
                    "cannot take webhooks on \(host):\(port): \(Self.reason(error.errnoCode)); stop what uses it or "
                    + "choose another with --webhook-listen")
        }
    }

    private static func reason(_ code: CInt) -> String { String(cString: strerror(code)) }
}
