import CLinux
import Glibc

/// A running process, named by a pidfd where the kernel has them (Linux 5.3), so that neither a signal nor an exit can
/// be another process's that got the same id. It owns the descriptor.
final class ProcessHandle {
    let pid: Int32
    /// -1 where the kernel has none; then the exit is found by looking, see ``hasEnded``.
    let descriptor: Int32
    /// Only a child can and must be reaped.
    let isChild: Bool
    private let startTime: UInt64?

    /// - Returns: `nil` when an adopted process is already gone.
    init?(pid: Int32, isChild: Bool) {
        self.pid = pid
        self.isChild = isChild
        descriptor = clinux_pidfd_open(pid)
        startTime = ProcessStat(pid: pid)?.startTime
        if descriptor < 0, !isChild, startTime == nil { return nil }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    func signal(_ signal: Int32) {
        if descriptor >= 0 {
            _ = clinux_pidfd_signal(descriptor, signal)
        } else if !hasEnded {
            kill(pid, signal)
        }
    }

    /// Collects a child's exit status, so that it does not stay as a zombie.
    func reap() {
        guard isChild else { return }
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
    }

    /// For kernels without pidfds.
    var hasEnded: Bool {
        guard let stat = ProcessStat(pid: pid) else { return true }
        return stat.isZombie || stat.startTime != startTime
    }
}
