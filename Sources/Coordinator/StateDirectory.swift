import Glibc

/// The directory of one coordinator's logs, held by a lock as long as this value lives: two coordinators that supervise
/// from one directory would take each other's processes over.
final class StateDirectory: Sendable {
    /// Absolute, without symbolic links, so that it names the directory in the processes' markers for good.
    let path: String
    private let lock: Int32

    init(_ path: String) throws(StartupError) {
        do {
            try SmallFile.makeDirectory(path)
        } catch {
            throw StartupError("\(error)")
        }
        guard let resolved = realpath(path, nil) else {
            throw StartupError("cannot use the state directory \(path): \(String(cString: strerror(errno)))")
        }
        defer { free(resolved) }
        self.path = String(cString: resolved)
        lock = open("\(self.path)/coordinator.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o640)
        guard lock >= 0 else {
            throw StartupError("cannot write in the state directory \(path): \(String(cString: strerror(errno)))")
        }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            close(lock)
            throw StartupError("another coordinator runs with the state directory \(path); stop it or give --state-dir")
        }
    }

    deinit { close(lock) }
}
