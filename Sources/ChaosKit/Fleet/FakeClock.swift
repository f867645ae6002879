import FleetCtlKit
import Glibc
import LocalServices

/// Lets the wall clock of the fleet's processes jump: a library that is preloaded adds what a file says, one file for
/// each role. Clocks that only go forward are left alone.
///
/// The programs are started by scripts of their names that put the library before them.
struct FakeClock: Sendable {
    private let directory: String

    init(home: ServiceHome) { directory = "\(home.path)/bin" }

    /// Writes the scripts.
    /// - Parameters:
    ///   - worker: the worker under test, which is started as `bot-worker`.
    ///   - servers: which know where the gateways take webhooks.
    /// - Returns: where they are.
    func install(_ binaries: FleetBinaries, worker: String, _ servers: ChaosServers) throws -> FleetBinaries {
        let library = try binaries.path("libClockJump.so")
        mkdir(directory, 0o755)
        for (name, program, role, option) in [
            ("bot-worker", worker, Disturbance.Role.worker, ""), ("fleet-gateway", "fleet-gateway", .gateway, ""),
            ("fleet-coordinator", "fleet-coordinator", .coordinator, "--behaviour ledger "),
        ] {
            try set(0, for: role)
            let setting = role == .gateway ? Self.webhooks(servers) : ""
            // The coordinator's children get its variables; their scripts set their own.
            let variables = "LD_PRELOAD=\(Shell.quote(library)) FLEET_CHAOS_CLOCK=\(Shell.quote(file(role)))"
            try write(
                name, "\(setting)export \(variables)\nexec \(Shell.quote(try binaries.path(program))) \(option)\"$@\"")
        }
        try write("telegram-simulator", "exec \(Shell.quote(try binaries.path("telegram-simulator"))) \"$@\"")
        return FleetBinaries(directory: directory)
    }

    /// Each gateway has a port of its own, by the number in its name.
    private static func webhooks(_ servers: ChaosServers) -> String {
        let cases = servers.webhookPorts.enumerated().map { "*fleet.gateway-\($0 + 1)*) port=\($1) ;;" }
        return "case \"$*\" in \(cases.joined(separator: " ")) esac\n"
            + "export FLEET_WEBHOOK_LISTEN=127.0.0.1:$port FLEET_WEBHOOK_URL=\(Shell.quote(servers.webhookURL))\n"
    }

    /// Takes effect at once.
    func set(_ seconds: Int, for role: Disturbance.Role) throws {
        let descriptor = open(file(role), O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Fault("the clock \(file(role)) cannot be written") }
        defer { close(descriptor) }
        var nanoseconds = Int64(seconds) * 1_000_000_000
        // In place: the file is mapped. Eight aligned bytes are written at once.
        guard pwrite(descriptor, &nanoseconds, 8, 0) == 8 else { throw Fault("the clock cannot be set") }
    }

    private func file(_ role: Disturbance.Role) -> String { "\(directory)/\(role.rawValue).clock" }

    private func write(_ name: String, _ script: String) throws(ServiceError) {
        try TextFile.write("\(directory)/\(name)", "#!/bin/sh\n\(script)\n", mode: 0o755)
    }
}
