import Glibc

/// The fleet's programs, beside this one unless FLEET_BIN names another directory.
public struct FleetBinaries: Sendable {
    public let directory: String

    /// - Parameter directory: `nil`: where the running program is.
    public init(directory: String?) {
        self.directory = directory ?? Self.own
    }

    public var own: String { "\(directory)/fleetctl" }

    /// The path of a program.
    /// - Throws: a fault when it is not there.
    public func path(_ name: String) throws(Fault) -> String {
        let path = "\(directory)/\(name)"
        guard access(path, X_OK) == 0 else {
            throw Fault(
                "there is no \(name) in \(directory); build it with `./run build`, or name its directory in FLEET_BIN")
        }
        return path
    }

    public static let all = ["fleetctl", "fleet-coordinator", "fleet-gateway", "bot-worker", "telegram-simulator"]

    private static var own: String {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        guard count > 0 else { return "." }
        let path = String(decoding: buffer[0..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    }
}
