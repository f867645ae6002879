import Glibc

/// A private PostgreSQL: made with initdb at its first start, started directly and not through Debian's clusters.
struct PostgresServer {
    static let name = "PostgreSQL"
    /// Of this many connections the sum over all processes of a fleet has to stay below.
    static let maxConnections = 200

    let home: ServiceHome
    let settings: ServiceSettings
    let programs: Programs

    var process: BackgroundProcess { Self.process(home) }
    private static func process(_ home: ServiceHome) -> BackgroundProcess {
        BackgroundProcess(name: name, pidFile: home.pidFile("postgres"))
    }
    var log: String { home.log("postgres") }
    private var directory: String { "\(settings.dataRoot)/postgres" }
    private var data: String { "\(directory)/data" }

    /// Starts it unless it runs; it may not be ready yet.
    func start() throws(ServiceError) {
        if process.pid != nil { return }
        let version = TextFile.read("\(data)/PG_VERSION").flatMap { Int($0.filter(\.isNumber)) }
        let bin = try programs.postgresBin(version: version)
        let user = try ServiceUser.needed("postgres", for: Self.name)
        guard LoopbackPort.isFree(settings.postgres.port) else {
            throw LocalServices.taken(Self.name, settings.postgres.port)
        }
        if version == nil { try create(bin: bin, user: user) }
        try process.start(
            ProcessRequest(
                "\(bin)/postgres",
                Self.arguments(data: data, port: settings.postgres.port),
                environment: environment,
                directory: directory,
                user: user
            ),
            log: log
        )
    }

    static func arguments(data: String, port: UInt16) -> [String] {
        let values = [
            "listen_addresses=127.0.0.1", "port=\(port)", "unix_socket_directories=",
            "max_connections=\(maxConnections)",
        ]
        return ["-D", data] + values.flatMap { ["-c", $0] }
    }

    func awaitReady(_ deadline: Deadline) throws(ServiceError) {
        let wanted = settings.postgres
        while true {
            switch PostgresHandshake.probe(port: wanted.port, user: wanted.user, database: wanted.database) {
            case .ready: return
            case .refused(let reason):
                throw ServiceError(
                    .didNotStart,
                    Self.name,
                    "port \(wanted.port) answers: \(reason)",
                    advice: "see \(log)"
                )
            case .notYet: break
            }
            if process.ends(within: 25) { throw FailureReport.error(Self.name, output: TextFile.tail(log), log: log) }
            if deadline.hasPassed {
                throw ServiceError(.didNotStart, Self.name, "was not ready in time", advice: "see \(log)")
            }
        }
    }

    /// SIGINT is PostgreSQL's fast shutdown: sessions are ended, data is written, nothing is lost.
    static func stop(_ home: ServiceHome, within limit: Duration) throws(ServiceError) {
        try process(home).stop(signal: SIGINT, within: limit)
    }

    /// Makes the data directory aside and then moves it into place, so that an interrupted start leaves no half of one.
    private func create(bin: String, user: ServiceUser?) throws(ServiceError) {
        try Directory.make(directory, mode: 0o700, owner: user)
        let draft = "\(directory)/data.new"
        try LocalServices.removeTree(draft)
        let password = "\(directory)/password"
        try TextFile.write(password, settings.postgres.password + "\n", owner: user)
        defer { unlink(password) }
        try run(
            "\(bin)/initdb",
            [
                "-D", draft, "-U", settings.postgres.user, "--pwfile", password, "-A", "scram-sha-256",
                "--locale=C.UTF-8", "-E", "UTF8", "--no-instructions",
            ],
            user: user
        )
        let statement = "\(directory)/create.sql"
        try TextFile.write(
            statement,
            "CREATE DATABASE \(settings.postgres.database) OWNER \(settings.postgres.user);\n",
            owner: user
        )
        defer { unlink(statement) }
        // Before the server starts, and without a connection: what follows sees either no database or a whole one.
        try run("\(bin)/postgres", ["--single", "-D", draft, "postgres"], user: user, input: statement)
        guard rename(draft, data) == 0 else { throw TextFile.failure(data) }
    }

    private func run(
        _ program: String,
        _ arguments: [String],
        user: ServiceUser?,
        input: String = "/dev/null"
    ) throws(ServiceError) {
        var request = ProcessRequest(program, arguments, environment: environment, directory: directory, user: user)
        request.input = input
        let (status, output) = try ProcessSpawner.run(request, within: .seconds(120))
        if status != 0 || output.contains("ERROR:") {
            try? TextFile.write(log, output)
            throw FailureReport.error(Self.name, output: output, log: log)
        }
    }

    private var environment: [String: String] {
        ["PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": directory, "TZ": "UTC"]
    }
}
