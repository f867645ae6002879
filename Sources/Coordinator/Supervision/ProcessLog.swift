import Glibc

/// A process's log file, `logs/NAME.log`. What grows over a bound becomes `NAME.log.1`: moved before a start, copied
/// while the process runs.
enum ProcessLog {
    static let bound = 8 << 20

    static func prepare(directory: String, name: String) -> String {
        let path = "\(directory)/\(name).log"
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return path }
        if lseek(descriptor, 0, SEEK_END) > bound { rename(path, "\(path).1") }
        close(descriptor)
        return path
    }

    /// Copies the last `bound` bytes away and empties the file, because the process keeps it open: it appends, so it
    /// goes on at the beginning. Lines written between the two steps are lost.
    static func rotate(_ path: String, bound: Int = bound) throws(FileError) {
        let log = open(path, O_RDWR | O_CLOEXEC)
        guard log >= 0 else {
            if errno == ENOENT { return }
            throw FileError("open", path)
        }
        defer { close(log) }
        let size = Int(lseek(log, 0, SEEK_END))
        guard size > bound else { return }
        try copyTail(of: log, from: size - bound, count: bound, to: "\(path).1")
        guard ftruncate(log, 0) == 0 else { throw FileError("empty", path) }
    }

    private static func copyTail(of log: Int32, from start: Int, count: Int, to path: String) throws(FileError) {
        let copy = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o640)
        guard copy >= 0 else { throw FileError("create", path) }
        defer { close(copy) }
        var offset = off_t(start)
        var left = count
        while left > 0 {
            let moved = sendfile(copy, log, &offset, left)
            if moved < 0, errno == EINTR { continue }
            guard moved >= 0 else { throw FileError("write", path) }
            if moved == 0 { return }
            left -= moved
        }
    }
}
