import Glibc

/// Processes that carry a mark in their environment: how what a dead parent left behind is found again.
public enum MarkedProcesses {
    /// Ids of processes whose environment has a variable `name` whose value starts with `prefix`. proc(5), `environ`.
    public static func find(_ name: String, prefix: String) -> [Int32] {
        let wanted = Array("\(name)=\(prefix)".utf8)
        return Directory.entries("/proc").compactMap { Int32($0) }.filter { pid in
            guard pid != getpid(), let text = TextFile.read("/proc/\(pid)/environ") else { return false }
            return text.utf8.split(separator: 0).contains { $0.starts(with: wanted) }
        }
    }

    /// Ends them with SIGTERM, and with SIGKILL what is left after `limit`.
    public static func stop(_ name: String, prefix: String, within limit: Duration) {
        let pids = find(name, prefix: prefix)
        for pid in pids { kill(pid, SIGTERM) }
        let deadline = Deadline(after: limit)
        for pid in pids where !ProcessWatch.waitForExit(of: pid, deadline) {
            kill(pid, SIGKILL)
            _ = ProcessWatch.waitForExit(of: pid, Deadline(after: .seconds(5)))
        }
    }
}
