import FleetCtlKit
import Glibc
import LocalServices

/// RabbitMQ and PostgreSQL of the run, each behind a proxy, and what can be done to them. A third proxy stands before
/// the gateways and spreads webhooks over them.
final class ChaosServers: Sendable {
    private let services: LocalServices
    private let broker: FaultProxy
    private let database: FaultProxy
    private let webhooks: FaultProxy
    /// Where each gateway listens for webhooks.
    let webhookPorts: [UInt16]
    private let rabbitmqctl: String
    let disk: SmallDisk?
    /// Where the fleet finds the servers: the proxies.
    let endpoints: ServiceEndpoints
    /// The servers themselves, for what is not under test.
    let direct: ServiceEndpoints

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// - Parameter direct: servers of `services` that run.
    init(services: LocalServices, direct: ServiceEndpoints, disk: SmallDisk?, gateways: Int) throws {
        guard let amqp = direct.amqpURL, let database = direct.databaseURL, let control = direct.rabbitmqctl,
            let amqpPort = Self.port(of: amqp), let databasePort = Self.port(of: database)
        else { throw Failure(description: "the private servers have no addresses") }
        self.services = services
        self.direct = direct
        self.disk = disk
        rabbitmqctl = control
        broker = try FaultProxy(name: "broker", to: [amqpPort])
        self.database = try FaultProxy(name: "database", to: [databasePort])
        var ports: [UInt16] = []
        for _ in 0..<gateways { ports.append(try LoopbackPort.free(except: Set(ports))) }
        webhookPorts = ports
        webhooks = try FaultProxy(name: "webhooks", to: ports)
        endpoints = ServiceEndpoints(
            amqpURL: amqp.replacing(":\(amqpPort)/", with: ":\(broker.port)/"),
            databaseURL: database.replacing(":\(databasePort)/", with: ":\(self.database.port)/"),
            rabbitmqctl: control)
    }

    func startProxies() async {
        await broker.start()
        await database.start()
        await webhooks.start()
    }

    func stopProxies() async {
        await broker.shutdown()
        await database.shutdown()
        await webhooks.shutdown()
    }

    func proxy(_ server: Disturbance.Server) -> FaultProxy {
        switch server {
        case .broker: broker
        case .database: database
        case .webhooks: webhooks
        }
    }

    /// What Telegram calls.
    var webhookURL: String { "http://127.0.0.1:\(webhooks.port)/hooks" }

    func stop(_ server: Disturbance.Server) async throws {
        let services = services
        try await Blocking.run { () throws(ServiceError) in try services.stop([server.service]) }
    }

    /// SIGKILL.
    func crash(_ server: Disturbance.Server) {
        let name = server.service == .postgres ? "postgres" : "rabbitmq"
        let process = BackgroundProcess(name: name, pidFile: services.home.pidFile(name))
        if let pid = process.pid { kill(pid, SIGKILL) }
    }

    /// Starts it unless it runs, and again when that fails: what a killed server leaves behind is gone a moment later.
    func start(_ server: Disturbance.Server) async throws {
        let services = services
        var last: ServiceError?
        for _ in 0..<8 {
            do throws(ServiceError) {
                _ = try await Blocking.run { () throws(ServiceError) in try services.start([server.service]) }
                return
            } catch {
                last = error
            }
            // Also in a run that was cancelled, which must not end with a server down.
            await Blocking.run { () throws(Never) in _ = usleep(500_000) }
        }
        if let last { throw last }
    }

    func setMemoryAlarm(_ isRaised: Bool) async throws {
        let request = ProcessRequest(
            rabbitmqctl, ["set_vm_memory_high_watermark"] + (isRaised ? ["absolute", "1MB"] : ["0.6"]), environment: [:]
        )
        let result = try await Blocking.run { () throws(ServiceError) in
            try ProcessSpawner.run(request, within: .seconds(30))
        }
        guard result.status == 0 else { throw Failure(description: "rabbitmqctl: \(result.output.suffix(200))") }
    }

    private static func port(of url: String) -> UInt16? {
        guard let at = url.lastIndex(of: "@") else { return nil }
        let place = url[url.index(after: at)...].prefix { $0 != "/" }
        return place.split(separator: ":").last.flatMap { UInt16($0) }
    }
}

extension Disturbance.Server {
    /// Webhooks are no server of this machine's; nothing is planned for them that would ask.
    var service: LocalServices.Service { self == .broker ? .rabbitmq : .postgres }
}
