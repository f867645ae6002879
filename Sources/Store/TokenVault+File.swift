#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

extension TokenVault {
    /// Reads the key from a file (`FLEET_KEY_FILE`).
    /// - Parameter createIfMissing: writes a fresh random key, readable by the owner alone (mode 0600), when the file
    ///   does not exist. Of two processes that do so at the same moment both use the key of the first.
    public init(file path: String, createIfMissing: Bool = false) throws(StoreError) {
        if createIfMissing { try Self.create(path) }
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw StoreError(.vault, "cannot read the token key \(path): \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        var status = stat()
        if fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_mode & 0o077 != 0 {
            throw StoreError(.vault, "the token key \(path) can be read by others; run: chmod 600 \(path)")
        }
        var buffer = [UInt8](repeating: 0, count: 1024)
        var text: [UInt8] = []
        while text.count < buffer.count {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0 {
                throw StoreError(.vault, "cannot read the token key \(path): \(String(cString: strerror(errno)))")
            }
            if count == 0 { break }
            text.append(contentsOf: buffer[..<count])
        }
        do {
            try self.init(text: String(decoding: text, as: UTF8.self))
        } catch {
            throw StoreError(.vault, "\(path): \(error.message)")
        }
    }

    /// A complete file is linked into place, so nobody ever reads half a key and nobody's key is replaced.
    private static func create(_ path: String) throws(StoreError) {
        if access(path, F_OK) == 0 { return }
        var generator = SystemRandomNumberGenerator()
        var line = ""
        for _ in 0..<32 {
            let digits = String(UInt8.random(in: 0...255, using: &generator), radix: 16)
            line += digits.count == 1 ? "0" + digits : digits
        }
        line += "\n"
        let draft = "\(path).\(getpid()).\(UInt32.random(in: .min ... .max, using: &generator))"
        let descriptor = Glibc.open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw StoreError(.vault, "cannot create the token key \(path): \(String(cString: strerror(errno)))")
        }
        defer { unlink(draft) }
        let bytes = Array(line.utf8)
        let written = write(descriptor, bytes, bytes.count)
        let synced = fsync(descriptor)
        let failure = errno
        close(descriptor)
        guard written == bytes.count, synced == 0 else {
            throw StoreError(.vault, "cannot write the token key \(path): \(String(cString: strerror(failure)))")
        }
        if link(draft, path) != 0, errno != EEXIST {
            throw StoreError(.vault, "cannot create the token key \(path): \(String(cString: strerror(errno)))")
        }
    }
}
