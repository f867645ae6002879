import Glibc
import LocalServices

/// PostgreSQL's data on a small file system of its own, which can be filled. Only root may mount one.
struct SmallDisk: Sendable {
    /// An empty cluster takes 40 MiB, its log up to 100, and a run some 50: the rest is room.
    static let megabytes = 400

    private let directory: String
    private var ballast: String { "\(directory)/ballast" }

    /// - Returns: `nil` when it cannot be had here.
    static func mount(_ services: LocalServices) throws(ServiceError) -> SmallDisk? {
        guard geteuid() == 0, let user = ServiceUser(named: "postgres") else { return nil }
        let disk = SmallDisk(directory: try services.dataDirectory(of: .postgres))
        mkdir(disk.directory, 0o700)
        let options = "size=\(megabytes)m,mode=0700,uid=\(user.uid),gid=\(user.gid)"
        let status = try run("/bin/mount", ["-t", "tmpfs", "-o", options, "fleet-chaos", disk.directory])
        return status == 0 ? disk : nil
    }

    /// Unmounts what this run or an earlier one has mounted. PostgreSQL must have ended.
    static func unmount(_ services: LocalServices) throws(ServiceError) {
        let directory = try services.dataDirectory(of: .postgres)
        let mounts = TextFile.read("/proc/self/mounts") ?? ""
        for line in mounts.split(separator: "\n") where line.hasPrefix("fleet-chaos \(directory) tmpfs") {
            _ = try run("/bin/umount", [directory])
        }
    }

    /// Takes all room there is.
    /// - Returns: how many bytes that was.
    func fill() -> Int {
        let descriptor = open(ballast, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return 0 }
        defer { close(descriptor) }
        var total = 0
        for size in [1 << 20, 4096] {
            let bytes = [UInt8](repeating: 0, count: size)
            while case let count = write(descriptor, bytes, size), count > 0 { total += count }
        }
        return total
    }

    func free() { unlink(ballast) }

    private static func run(_ program: String, _ arguments: [String]) throws(ServiceError) -> Int32 {
        try ProcessSpawner.run(
            ProcessRequest(program, arguments, environment: ["PATH": "/usr/bin:/bin:/usr/sbin:/sbin"]),
            within: .seconds(10)
        ).status
    }
}
