import NIOCore
import NIOHTTP1
import NIOPosix
import TelegramSimulation

/// The HTTP/1.1 server around a ``Simulation``.
struct SimulatorServer {
    private let group: MultiThreadedEventLoopGroup
    private let channel: any Channel

    /// The port it listens on.
    let port: Int

    /// Connections that wait to be accepted; further ones are refused by the system.
    static let backlog: Int32 = 4096

    /// Binds and serves.
    /// - Throws: ``SimulatorError`` when the address cannot be had.
    init(_ simulation: Simulation, host: String, port: Int, threads: Int) async throws(SimulatorError) {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: threads)
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: Self.backlog)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline(withErrorHandling: true)
                    try channel.pipeline.syncOperations.addHandler(RequestHandler(simulation: simulation))
                }
            }
        do {
            channel = try await bootstrap.bind(host: host, port: port).get()
        } catch {
            try? await group.shutdownGracefully()
            throw SimulatorError.cannotListen(host: host, port: port, reason: SimulatorError.reason(error))
        }
        self.group = group
        self.port = channel.localAddress?.port ?? port
    }

    /// Closes the listening socket and all connections.
    func shutdown() async {
        try? await channel.close()
        try? await group.shutdownGracefully()
    }
}
