import CLinux
import FleetModel
import Glibc

/// What this machine knows of its processes.
enum LocalProcess {
    static var pid: Int32 { getpid() }

    static var hostName: String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "unknown" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Resident memory of this process in bytes (proc(5), statm).
    static var residentBytes: Int64 {
        guard let fields = read("/proc/self/statm")?.split(separator: " "), fields.count > 1,
            let pages = Int64(fields[1])
        else { return 0 }
        return pages * Int64(sysconf(Int32(_SC_PAGESIZE)))
    }

    /// Gives back what only the start needed of the program's own code and constants, about half of what is mapped by
    /// then: with hundreds of workers on a machine that is page tables and accounted memory for nothing.
    static func releaseStartupPages() { clinux_release_read_only_pages() }

    /// This boot of this kernel, and this space of process ids.
    static let machine: String? = {
        var space = stat()
        guard let boot = read("/proc/sys/kernel/random/boot_id"), stat("/proc/self/ns/pid", &space) == 0 else {
            return nil
        }
        return "\(boot.prefix { $0 != "\n" })/\(space.st_ino)"
    }()

    static func isOnThisMachine(_ machine: String?) -> Bool { machine != nil && machine == Self.machine }

    /// When this process began: clock ticks since boot, which a jump of the wall clock does not touch.
    static let startTicks: UInt64? = startTicks(of: pid)

    /// Whether the process is certainly gone: its pid, in the same space of pids, is free, or belongs to a process that
    /// began at another time, or to one that has ended and that its parent has not collected (in a container that may be
    /// never).
    static func isKnownDead(pid: Int32, machine: String?, startTicks: UInt64?) -> Bool {
        guard let own = Self.machine, machine == own, pid > 0 else { return false }
        if kill(pid, 0) != 0 { return errno == ESRCH }
        guard let fields = statFields(of: pid) else { return false }
        if fields.first == "Z" || fields.first == "X" { return true }
        guard let startTicks, let present = Self.startTicks(fields) else { return false }
        return present != startTicks
    }

    static func startTicks(of pid: Int32) -> UInt64? { statFields(of: pid).flatMap(startTicks) }

    /// Field 22 of proc(5), stat.
    private static func startTicks(_ fields: [Substring]) -> UInt64? {
        fields.count > 19 ? UInt64(fields[19]) : nil
    }

    /// The fields of proc(5), stat, from the third on, which is the state.
    private static func statFields(of pid: Int32) -> [Substring]? {
        guard let stat = read("/proc/\(pid)/stat"), let end = stat.lastIndex(of: ")") else { return nil }
        return stat[stat.index(after: end)...].split(separator: " ")
    }

    private static func read(_ path: String) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = Glibc.read(file, &buffer, buffer.count)
        return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : nil
    }
}
