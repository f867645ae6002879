import Glibc

/// Small files, read and written whole.
public enum TextFile {
    /// The file's text; `nil` when it cannot be read. At most 4 MiB.
    public static func read(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while bytes.count < 4 << 20 {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count <= 0 { break }
            bytes.append(contentsOf: buffer[0..<count])
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The last `limit` bytes of a log, from the start of a line.
    public static func tail(_ path: String, bytes limit: Int = 8192) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        let end = lseek(descriptor, 0, SEEK_END)
        let start = max(0, end - limit)
        lseek(descriptor, start, SEEK_SET)
        var buffer = [UInt8](repeating: 0, count: limit)
        let count = Glibc.read(descriptor, &buffer, limit)
        guard count > 0 else { return "" }
        let text = String(decoding: buffer[0..<count], as: UTF8.self)
        guard start > 0, let newline = text.firstIndex(of: "\n") else { return text }
        return String(text[text.index(after: newline)...])
    }

    /// Replaces the file at once: readers see the old text or the new, never a part.
    public static func write(
        _ path: String,
        _ text: String,
        mode: UInt32 = 0o600,
        owner: ServiceUser? = nil
    ) throws(ServiceError) {
        let draft = "\(path).\(getpid()).new"
        unlink(draft)
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw failure(path) }
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                let error = failure(path)
                close(descriptor)
                unlink(draft)
                throw error
            }
            bytes = bytes.dropFirst(count)
        }
        // The umask may have taken bits from the mode.
        fchmod(descriptor, mode)
        if let owner { fchown(descriptor, owner.uid, owner.gid) }
        close(descriptor)
        guard rename(draft, path) == 0 else { throw failure(path) }
    }

    /// The text for a file that cannot be written, from `errno`.
    static func failure(_ path: String, _ code: Int32 = errno) -> ServiceError {
        code == ENOSPC || code == EDQUOT
            ? ServiceError(
                .diskFull,
                path,
                "the disk is full",
                advice: "free some space, or choose another home with --home"
            )
            : ServiceError(
                .system,
                path,
                "cannot be written: \(systemText(code))",
                advice: "check its permissions, or choose another home with --home"
            )
    }
}
