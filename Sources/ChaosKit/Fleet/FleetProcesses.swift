import FleetModel
import Glibc
import LocalServices

/// The supervised processes that are there, found by their mark: the coordinator need not live for that.
struct FleetProcesses: Sendable {
    struct Found: Sendable {
        let name: String
        let pid: Int32

        /// Whose worker it is; `nil` for a gateway.
        var bot: BotID? {
            guard !isGateway, let dash = name.lastIndex(of: "-") else { return nil }
            return BotID(String(name[..<dash]))
        }
        var isGateway: Bool { name.hasPrefix("fleet.gateway-") }
    }

    static let variable = "FLEET_SUPERVISED"
    let stateDirectory: String

    func all() -> [Found] {
        let prefix = "\(Self.variable)=\(stateDirectory):"
        return MarkedProcesses.find(Self.variable, prefix: "\(stateDirectory):").compactMap { pid in
            let environment = TextFile.read("/proc/\(pid)/environ") ?? ""
            guard let entry = environment.split(separator: "\0").first(where: { $0.hasPrefix(prefix) }) else {
                return nil
            }
            return Found(name: String(entry.dropFirst(prefix.count)), pid: pid)
        }.sorted { ($0.name, $0.pid) < ($1.name, $1.pid) }
    }

    func of(_ role: Disturbance.Role) -> [Found] {
        all().filter { role == .gateway ? $0.isGateway : role == .worker && $0.bot != nil }
    }
}

extension FleetProcesses {
    /// SIGCONT to all, so that what an earlier run has stopped can be ended.
    func thawAll(coordinator: Int32?) {
        for pid in all().map(\.pid) + [coordinator].compactMap(\.self) { kill(pid, SIGCONT) }
    }
}
