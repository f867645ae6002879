import Glibc

/// An advisory lock on a file, so that two callers do not start the same servers at once. It falls with the process.
enum FileLock {
    /// Runs `body` while nobody else holds the lock. Whoever holds it is bound by deadlines of its own, so waiting ends.
    static func hold<Result>(
        _ path: String,
        _ body: () throws(ServiceError) -> Result
    ) throws(ServiceError) -> Result {
        let descriptor = try acquire(path)
        defer { close(descriptor) }
        return try body()
    }

    /// The same for a `body` that throws other errors too.
    static func holdAny<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
        let descriptor = try acquire(path)
        defer { close(descriptor) }
        return try body()
    }

    private static func acquire(_ path: String) throws(ServiceError) -> Int32 {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw TextFile.failure(path) }
        while flock(descriptor, LOCK_EX) != 0 {
            if errno != EINTR {
                let error = TextFile.failure(path)
                close(descriptor)
                throw error
            }
        }
        return descriptor
    }
}
