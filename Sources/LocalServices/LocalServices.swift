import Glibc

/// A private PostgreSQL and RabbitMQ below a home directory: loopback only, on ports and with credentials of their own,
/// and not the system's services. They live on when the caller ends.
///
/// The calls block, for seconds at a first start; each has a deadline.
public struct LocalServices: Sendable {
    public enum Service: String, Sendable, CaseIterable {
        case postgres, rabbitmq
    }

    public struct Status: Sendable, Equatable {
        public let service: Service
        /// `nil`: it does not run.
        public let pid: Int32?
        public let port: UInt16
        public let log: String
    }

    public let home: ServiceHome
    private let programs: Programs
    private let progress: @Sendable (String) -> Void
    /// Free bytes on the file system of a path; tests put another value here.
    var freeBytes: @Sendable (String) -> Int64? = Directory.freeBytes

    /// - Parameter progress: gets a line for each step worth telling a person.
    public init(
        home: ServiceHome,
        programs: Programs = Programs(),
        progress: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.home = home
        self.programs = programs
        self.progress = progress
    }

    /// Starts what does not run and waits until all of `services` take connections.
    /// - Parameter newPorts: choose other ports for those that do not run.
    /// - Returns: where they are.
    @discardableResult
    public func start(
        _ services: Set<Service> = Set(Service.allCases),
        within limit: Duration = .seconds(90),
        newPorts: Bool = false
    ) throws(ServiceError) -> ServiceEndpoints {
        guard !services.isEmpty else { return ServiceEndpoints() }
        try home.make()
        return try FileLock.hold(home.lockFile) { () throws(ServiceError) in
            try startLocked(services, Deadline(after: limit), newPorts: newPorts)
        }
    }

    private func startLocked(
        _ services: Set<Service>,
        _ deadline: Deadline,
        newPorts: Bool
    ) throws(ServiceError) -> ServiceEndpoints {
        let settings = try prepare(newPorts: newPorts)
        let postgres = PostgresServer(home: home, settings: settings, programs: programs)
        let rabbitmq = RabbitServer(home: home, settings: settings, programs: programs)
        Self.raiseDescriptorLimit()
        // RabbitMQ first: it takes longest, and PostgreSQL's first start fits into the wait for it.
        if services.contains(.rabbitmq) { try rabbitmq.start() }
        if services.contains(.postgres) {
            try postgres.start()
            try postgres.awaitReady(deadline)
            progress("PostgreSQL listens on 127.0.0.1:\(settings.postgres.port)")
        }
        if services.contains(.rabbitmq) {
            try rabbitmq.awaitReady(deadline)
            progress("RabbitMQ listens on 127.0.0.1:\(settings.rabbitmq.port)")
        }
        return endpoints(settings).only(services)
    }

    /// Stops what runs of `services`; what does not run is no error.
    public func stop(
        _ services: Set<Service> = Set(Service.allCases),
        within limit: Duration = .seconds(30)
    ) throws(ServiceError) {
        // The pid files say all there is to know: settings that cannot be read are no reason to let servers run.
        guard Directory.exists("\(home.path)/run") else { return }
        try FileLock.hold(home.lockFile) { () throws(ServiceError) in
            if services.contains(.rabbitmq) { try RabbitServer.stop(home, within: limit) }
            if services.contains(.postgres) { try PostgresServer.stop(home, within: limit) }
        }
    }

    /// Stops them and drops their data, ports and credentials.
    public func remove() throws(ServiceError) {
        try stop()
        var roots: [String] = []
        do throws(ServiceError) {
            guard let settings = try ServiceSettings.load(home.settingsFile) else { return }
            roots = [settings.dataRoot]
        } catch {
            guard error.code == .damaged else { throw error }
            // What it said is lost: the two places there are.
            roots = [home.path, home.spareRoot]
        }
        for root in roots {
            for part in ["postgres", "rabbitmq"] { try Self.removeTree("\(root)/\(part)") }
            if root != home.path { rmdir(root) }
        }
        unlink(home.settingsFile)
    }

    public func status() throws(ServiceError) -> [Status] {
        guard let settings = try ServiceSettings.load(home.settingsFile) else { return [] }
        let postgres = PostgresServer(home: home, settings: settings, programs: programs)
        let rabbitmq = RabbitServer(home: home, settings: settings, programs: programs)
        return [
            Status(service: .postgres, pid: postgres.process.pid, port: settings.postgres.port, log: postgres.log),
            Status(service: .rabbitmq, pid: rabbitmq.process.pid, port: settings.rabbitmq.port, log: rabbitmq.log),
        ]
    }

    /// Where the servers are, running or not; `nil` when this home never had any.
    public func endpoints() throws(ServiceError) -> ServiceEndpoints? {
        try ServiceSettings.load(home.settingsFile).map(endpoints)
    }

    /// Where a service of this home has its data, or will have it: for whoever wants to put a file system there before
    /// the first start.
    public func dataDirectory(of service: Service) throws(ServiceError) -> String {
        try home.make()
        let settings = try FileLock.hold(home.lockFile) { () throws(ServiceError) in try prepare(newPorts: false) }
        return "\(settings.dataRoot)/\(service.rawValue)"
    }

    private func endpoints(_ settings: ServiceSettings) -> ServiceEndpoints {
        let (postgres, rabbitmq) = (settings.postgres, settings.rabbitmq)
        return ServiceEndpoints(
            amqpURL: "amqp://\(rabbitmq.user):\(rabbitmq.password)@127.0.0.1:\(rabbitmq.port)/%2F",
            databaseURL:
                "postgres://\(postgres.user):\(postgres.password)@127.0.0.1:\(postgres.port)/\(postgres.database)",
            rabbitmqctl: RabbitServer(home: home, settings: settings, programs: programs).control
        )
    }

    private func prepare(newPorts: Bool) throws(ServiceError) -> ServiceSettings {
        if let free = freeBytes(home.path), free < Self.neededBytes {
            throw ServiceError(
                .diskFull,
                home.path,
                "only \(free >> 20) MiB free, \(Self.neededBytes >> 20) MiB are needed",
                advice: "free some space, or choose another home with --home"
            )
        }
        if var settings = try ServiceSettings.load(home.settingsFile) {
            guard newPorts, try status().allSatisfy({ $0.pid == nil }) else { return settings }
            try settings.chooseNewPorts()
            try settings.save(home.settingsFile)
            return settings
        }
        let users = geteuid() == 0 ? ["postgres", "rabbitmq"].compactMap { ServiceUser(named: $0) } : []
        let root = try home.dataRoot(for: users)
        if let why = root.why { progress(why) }
        let settings = try ServiceSettings(dataRoot: root.path)
        try settings.save(home.settingsFile)
        return settings
    }

    /// An empty PostgreSQL takes 40 MiB and as much again for its log of changes; below 50 MiB RabbitMQ stops
    /// publishers. Starting with less only fails later, and less clearly.
    static let neededBytes: Int64 = 256 << 20

    static func taken(_ service: String, _ port: UInt16) -> ServiceError {
        ServiceError(
            .portTaken,
            service,
            "port 127.0.0.1:\(port) is taken by another program",
            advice: "stop that program, or take other ports with `fleetctl services up --new-ports`"
        )
    }

    static func removeTree(_ path: String) throws(ServiceError) {
        guard Directory.exists(path) else { return }
        let request = ProcessRequest("/bin/rm", ["-rf", "--", path], environment: [:])
        let (status, output) = try ProcessSpawner.run(request, within: .seconds(60))
        if status != 0 {
            throw ServiceError(
                .system,
                path,
                "cannot be removed: \(FailureReport.tellingLine(in: output) ?? "rm failed")",
                advice: "remove it by hand"
            )
        }
    }

    /// Servers inherit the limit; RabbitMQ needs a descriptor for each connection and queue. Not to the very top, because
    /// Erlang makes tables of that size.
    private static func raiseDescriptorLimit() {
        var limit = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard getrlimit(resource, &limit) == 0 else { return }
        limit.rlim_cur = max(limit.rlim_cur, min(limit.rlim_max, 65_536))
        limit.rlim_cur = min(limit.rlim_cur, 65_536)
        setrlimit(resource, &limit)
    }
}
