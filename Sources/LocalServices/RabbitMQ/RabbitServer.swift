import Glibc

/// A private RabbitMQ node with an epmd (the name server of Erlang nodes, which rabbitmqctl needs) of its own.
struct RabbitServer {
    static let name = "RabbitMQ"

    let home: ServiceHome
    let settings: ServiceSettings
    let programs: Programs

    var process: BackgroundProcess { Self.process(home) }
    private static func process(_ home: ServiceHome) -> BackgroundProcess {
        BackgroundProcess(name: name, pidFile: home.pidFile("rabbitmq"))
    }
    var log: String { home.log("rabbitmq") }
    var control: String { "\(home.path)/rabbitmqctl" }
    private var nameServer: BackgroundProcess { Self.nameServer(home) }
    private static func nameServer(_ home: ServiceHome) -> BackgroundProcess {
        BackgroundProcess(name: "epmd", pidFile: home.pidFile("epmd"))
    }
    private var directory: String { "\(settings.dataRoot)/rabbitmq" }
    private var files: RabbitFiles { RabbitFiles(settings: settings.rabbitmq, directory: directory) }

    /// Starts it unless it runs; it may not be ready yet.
    func start() throws(ServiceError) {
        if process.pid != nil { return }
        let program = try programs.rabbitmqServer()
        let user = try ServiceUser.needed("rabbitmq", for: Self.name)
        for port in [settings.rabbitmq.port, settings.rabbitmq.distributionPort] where !LoopbackPort.isFree(port) {
            throw LocalServices.taken(Self.name, port)
        }
        try writeFiles(user: user)
        try startNameServer(user: user)
        try process.start(
            ProcessRequest(
                program,
                ["-noinput"],
                environment: files.serverEnvironment,
                directory: directory,
                user: user
            ),
            log: log
        )
    }

    private func writeFiles(user: ServiceUser?) throws(ServiceError) {
        try Directory.make(directory, mode: 0o700, owner: user)
        for part in ["mnesia", "log"] { try Directory.make("\(directory)/\(part)", mode: 0o700, owner: user) }
        try TextFile.write("\(directory)/rabbitmq.conf", files.config, owner: user)
        try TextFile.write("\(directory)/advanced.config", "[].\n", owner: user)
        try TextFile.write("\(directory)/enabled_plugins", "[].\n", owner: user)
        try TextFile.write("\(directory)/rabbitmq-env.conf", "", owner: user)
        try TextFile.write("\(directory)/.erlang.cookie", settings.rabbitmq.cookie, mode: 0o400, owner: user)
        let script = files.controlScript(program: "\(programs.rabbitmq)/rabbitmqctl", user: user)
        try TextFile.write(control, script, mode: 0o755)
    }

    /// In the foreground and with a pid file, because the one that a node starts by itself would stay behind for ever.
    private func startNameServer(user: ServiceUser?) throws(ServiceError) {
        if nameServer.pid != nil { return }
        let port = settings.rabbitmq.epmdPort
        guard LoopbackPort.isFree(port) else { throw LocalServices.taken("epmd", port) }
        try nameServer.start(
            ProcessRequest(
                programs.epmd,
                ["-port", String(port), "-address", "127.0.0.1"],
                environment: files.environment,
                directory: directory,
                user: user
            ),
            log: home.log("epmd")
        )
        // A node that finds no name server starts one of its own: so wait until this one listens.
        let deadline = Deadline(after: .seconds(5))
        while LoopbackSocket(port: port, limit: .seconds(1)) == nil {
            if nameServer.ends(within: 5) || deadline.hasPassed {
                throw FailureReport.error("epmd", output: TextFile.tail(home.log("epmd")), log: home.log("epmd"))
            }
        }
    }

    func awaitReady(_ deadline: Deadline) throws(ServiceError) {
        let wanted = settings.rabbitmq
        while true {
            switch RabbitHandshake.probe(port: wanted.port, user: wanted.user, password: wanted.password) {
            case .ready: return
            case .refused(let reason):
                throw ServiceError(
                    .wrongPassword,
                    Self.name,
                    "port \(wanted.port) answers: \(reason)",
                    advice: "drop its data with `fleetctl services remove`, or choose another home with --home"
                )
            case .notYet: break
            }
            if process.ends(within: 50) { throw FailureReport.error(Self.name, output: output, log: log) }
            if deadline.hasPassed {
                throw ServiceError(.didNotStart, Self.name, "was not ready in time", advice: "see \(log)")
            }
        }
    }

    /// What it said last: on its outputs before its log is open, and then there.
    private var output: String {
        TextFile.tail("\(directory)/log/\(settings.rabbitmq.node).log") + TextFile.tail(log)
    }

    /// SIGTERM has the node flush its queues and end.
    static func stop(_ home: ServiceHome, within limit: Duration) throws(ServiceError) {
        try process(home).stop(within: limit)
        try nameServer(home).stop(within: .seconds(5))
    }
}
