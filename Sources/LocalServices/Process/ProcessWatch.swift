import CLinux
import Glibc
import Synchronization

/// Whether a process lives, and waiting for its end: of own children and of others alike.
enum ProcessWatch {
    /// Exit statuses of own children that were reaped here.
    private static let statuses = Mutex<[Int32: Int32]>([:])

    /// When the process started, in clock ticks since boot (proc(5), field 22 of `stat`); `nil` when there is none, or
    /// only a zombie is left. Together with the id it tells a process from a later one of the same id.
    static func startTime(of pid: Int32) -> UInt64? {
        reap(pid)
        guard let text = TextFile.read("/proc/\(pid)/stat"), let end = text.lastIndex(of: ")") else { return nil }
        // The command in parentheses may hold spaces; what follows it starts with field 3, the state.
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 19, fields[0] != "Z", fields[0] != "X" else { return nil }
        return UInt64(fields[19])
    }

    /// Waits for the end of `pid`. Returns `false` when it still lives at the deadline.
    static func waitForExit(of pid: Int32, _ deadline: Deadline) -> Bool {
        if reap(pid) { return true }
        let descriptor = clinux_pidfd_open(pid)
        if descriptor < 0 {
            if errno == ESRCH { return true }
            return waitBySignalling(pid, deadline)
        }
        defer { close(descriptor) }
        repeat {
            var watched = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            if poll(&watched, 1, deadline.milliseconds()) > 0 {
                reap(pid)
                return true
            }
        } while !deadline.hasPassed
        return false
    }

    /// Sleeps for `milliseconds`, or until `pid` ends. Returns `true` when it has ended.
    static func pause(_ milliseconds: Int32, orEndOf pid: Int32) -> Bool {
        waitForExit(of: pid, Deadline(after: .milliseconds(Int(milliseconds))))
    }

    static func lastStatus(of pid: Int32) -> Int32 { statuses.withLock { $0[pid] ?? 0 } }

    /// Takes an ended child off the process table. Returns `true` when it had ended.
    @discardableResult
    private static func reap(_ pid: Int32) -> Bool {
        var status: Int32 = 0
        guard waitpid(pid, &status, WNOHANG) == pid else { return false }
        let signal = status & 0x7f
        statuses.withLock { $0[pid] = signal == 0 ? (status >> 8) & 0xff : 128 + signal }
        return true
    }

    /// For kernels before 5.3, which have no descriptor for a process.
    private static func waitBySignalling(_ pid: Int32, _ deadline: Deadline) -> Bool {
        while startTime(of: pid) != nil {
            if deadline.hasPassed { return false }
            usleep(20_000)
        }
        return true
    }
}
