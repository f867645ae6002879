import Broker
import FleetModel
import Glibc
import HTTPTransport
import LocalServices
import Logging
import Store

/// Looks at everything a fleet on this machine needs.
public struct Doctor: Sendable {
    let fleet: LocalFleet
    let endpoints: ServiceEndpoints
    let logger: Logger

    public init(fleet: LocalFleet, endpoints: ServiceEndpoints, logger: Logger) {
        self.fleet = fleet
        self.endpoints = endpoints
        self.logger = logger
    }

    public func examine(client: FleetClient?) async -> [Finding] {
        var findings = [programs(), disk(), descriptors()]
        findings += [secretFile("token key", fleet.keyFile), secretFile("API token", fleet.apiTokenFile)]
        findings += await database()
        findings.append(await broker())
        findings += await coordinator(client)
        return findings
    }

    // MARK: This machine

    private func programs() -> Finding {
        let missing = FleetBinaries.all.filter { (try? fleet.binaries.path($0)) == nil }
        return missing.isEmpty
            ? .ok("programs", "all in \(fleet.binaries.directory)")
            : .failed(
                "programs", "not in \(fleet.binaries.directory): \(missing.joined(separator: ", "))",
                mend: "./run build, or name their directory in FLEET_BIN")
    }

    private func disk() -> Finding {
        var entry = statvfs()
        let path = access(fleet.home.path, F_OK) == 0 ? fleet.home.path : "."
        guard statvfs(path, &entry) == 0 else { return .warning("disk", "cannot be asked", mend: "look at df \(path)") }
        let free = (Int64(entry.f_bavail) * Int64(entry.f_frsize)) >> 20
        if free < 256 {
            return .failed("disk", "\(free) MiB free at \(path)", mend: "free some; servers stop below 50 MiB")
        }
        if free < 2048 { return .warning("disk", "\(free) MiB free at \(path)", mend: "free some before it runs out") }
        return .ok("disk", "\(free >> 10) GiB free at \(path)")
    }

    private func descriptors() -> Finding {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return limit.rlim_max < 4096
            ? .warning(
                "open files", "at most \(limit.rlim_max)",
                mend: "raise it: ulimit -n 65536, or LimitNOFILE= of the unit")
            : .ok("open files", "at most \(limit.rlim_max)")
    }

    /// Whether a file that holds a secret is there and its owner's alone.
    private func secretFile(_ name: String, _ path: String) -> Finding {
        var entry = stat()
        guard stat(path, &entry) == 0 else {
            return .warning(name, "no file \(path)", mend: "`fleetctl up` makes it")
        }
        return entry.st_mode & 0o077 == 0
            ? .ok(name, "\(path), readable by its owner alone")
            : .failed(name, "\(path) can be read by others", mend: "chmod 600 \(path)")
    }

    // MARK: Servers

    private func database() async -> [Finding] {
        guard let url = endpoints.databaseURL else {
            return [.failed("PostgreSQL", "not named", mend: "`fleetctl up` starts one; or set FLEET_DATABASE_URL")]
        }
        do {
            var configuration = try StoreConfiguration(url: url)
            configuration.applicationName = "fleetctl doctor"
            let database = try Database(configuration, logger: logger)
            let findings = await examine(database, at: configuration.endpoint)
            await database.shutdown()
            return findings
        } catch {
            return [.failed("PostgreSQL", "\(error)", mend: "check FLEET_DATABASE_URL")]
        }
    }

    private func examine(_ database: Database, at place: String) async -> [Finding] {
        let statement = Statement(
            "",
            """
            SELECT current_setting('server_version'), current_setting('server_version_num')::int,
                current_setting('max_connections')::int, (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
                (extract(epoch FROM clock_timestamp()) * 1000)::bigint
            """)
        let row: QueryResult.Row
        do {
            let before = Timestamp.now
            guard let first = try await database.query(statement, idempotent: true).first else {
                return [.failed("PostgreSQL", "\(place) answers nothing", mend: "see its log")]
            }
            row = first
            var findings = [version(row, place)]
            findings.append(connections(row))
            findings.append(clock(row.int64(4) ?? 0, before: before.milliseconds, after: Timestamp.now.milliseconds))
            let problems = try await Migrator(database).verify()
            findings.append(
                problems.isEmpty
                    ? .ok("schema", "what this version expects")
                    : .failed(
                        "schema", problems.joined(separator: "; "),
                        mend: "`fleetctl migrate up`, then `fleetctl migrate verify`"))
            return findings
        } catch {
            return [
                .failed(
                    "PostgreSQL", "\(error)", mend: "start it (`fleetctl services up`), or check FLEET_DATABASE_URL")
            ]
        }
    }

    private func version(_ row: QueryResult.Row, _ place: String) -> Finding {
        let text = row.text(0) ?? "of unknown version"
        return (row.int64(1) ?? 0) >= 140_000
            ? .ok("PostgreSQL", "\(text) at \(place)")
            : .failed("PostgreSQL", "\(text) at \(place)", mend: "14 or later is needed")
    }

    private func connections(_ row: QueryResult.Row) -> Finding {
        let (limit, used) = (row.int64(2) ?? 0, row.int64(3) ?? 0)
        return used * 10 > limit * 8
            ? .warning(
                "connections", "\(used) of \(limit) in use", mend: "raise max_connections, or put PgBouncer in front")
            : .ok("connections", "\(used) of \(limit) in use")
    }

    private func clock(_ server: Int64, before: Int64, after: Int64) -> Finding {
        let difference = server < before ? before - server : max(0, server - after)
        return difference > 2000
            ? .warning("clock", "differs from the database's by \(difference) ms", mend: "keep both in step with NTP")
            : .ok("clock", "in step with the database's")
    }

    private func broker() async -> Finding {
        guard let url = endpoints.amqpURL else {
            return .failed("RabbitMQ", "not named", mend: "`fleetctl up` starts one; or set FLEET_AMQP_URL")
        }
        do {
            var configuration = try BrokerConfiguration(url: url, name: "fleetctl doctor")
            if let file = fleet.environment["FLEET_AMQP_CA_FILE"], !file.isEmpty { configuration.caFile = file }
            let connection = try await BrokerConnection.open(configuration, logger: logger)
            let (version, blocked) = (connection.serverVersion, connection.isBlocked)
            await connection.close()
            let place = "\(version) at \(configuration.host):\(configuration.port)"
            return blocked
                ? .failed("RabbitMQ", "\(place) holds publishers back", mend: "free memory or disk on its machine")
                : .ok("RabbitMQ", place)
        } catch {
            return .failed("RabbitMQ", "\(error)", mend: "start it (`fleetctl services up`), or check FLEET_AMQP_URL")
        }
    }

    // MARK: The fleet

    private func coordinator(_ client: FleetClient?) async -> [Finding] {
        guard let client else {
            return [.warning("coordinator", "not running here, or no token for it", mend: "`fleetctl up`")]
        }
        do throws(Fault) {
            let status: StatusView = try await client.get("/v1/status", deadline: .seconds(10))
            let workers = status.workers.count { !FleetTables.isGateway($0) }
            let silent = status.workers.filter { ![.live, .starting, .process].contains($0.health) }
            var findings = [
                Finding.ok("coordinator", "answers; \(status.bots.count) bots, \(workers) workers")
            ]
            if !silent.isEmpty {
                let names = silent.map(\.heartbeat.worker.name).joined(separator: ", ")
                findings.append(
                    .warning(
                        "workers", "not heard of: \(names)", mend: "see HOME/coordinator/logs and `fleetctl status`"))
            }
            findings += BotFindings.of(status.bots)
            return findings
        } catch {
            return [.failed("coordinator", error.message, mend: "`fleetctl up`, or see HOME/logs/coordinator.log")]
        }
    }
}
