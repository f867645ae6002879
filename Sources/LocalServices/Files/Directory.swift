import Glibc

enum Directory {
    /// Makes a directory and those above it, unless they exist. The last one gets `mode` and `owner` if it is made
    /// here: one that was there before is left as it is.
    /// - Returns: whether it was made.
    @discardableResult
    static func make(_ path: String, mode: UInt32, owner: ServiceUser? = nil) throws(ServiceError) -> Bool {
        if exists(path) { return false }
        var parts = path.split(separator: "/")
        guard let last = parts.popLast() else { return false }
        var parent = ""
        for part in parts {
            parent += "/\(part)"
            // Directories on the way are entered by the servers' users, so they must not be made private.
            if mkdir(parent, 0o755) != 0, errno != EEXIST { throw TextFile.failure(parent) }
        }
        // Aside first, so that an interrupted start leaves none with the wrong owner.
        let draft = "\(parent)/.\(last).\(getpid()).new"
        rmdir(draft)
        guard mkdir(draft, 0o700) == 0 else { throw TextFile.failure(path) }
        var failed: ServiceError?
        if let owner, chown(draft, owner.uid, owner.gid) != 0 { failed = TextFile.failure(path) }
        if failed == nil, chmod(draft, mode) != 0 { failed = TextFile.failure(path) }
        if failed == nil, rename(draft, path) == 0 { return true }
        let code = errno
        rmdir(draft)
        // Somebody else was faster.
        if failed == nil, code == ENOTEMPTY || code == EEXIST { return false }
        throw failed ?? TextFile.failure(path, code)
    }

    /// An absolute path without `.` and `..` parts.
    static func absolute(_ path: String) -> String {
        var parts: [Substring] = []
        let whole = path.hasPrefix("/") ? path : "\(current)/\(path)"
        for part in whole.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return "/" + parts.joined(separator: "/")
    }

    /// An absolute path without symbolic links, as far as it exists: two names of one directory become one.
    static func real(_ path: String) -> String {
        var head = path.hasPrefix("/") ? path : "\(current)/\(path)"
        var rest: [String] = []
        while !head.isEmpty {
            if let resolved = realpath(head, nil) {
                defer { free(resolved) }
                return absolute(([String(cString: resolved)] + rest.reversed()).joined(separator: "/"))
            }
            guard let slash = head.lastIndex(of: "/") else { break }
            rest.append(String(head[head.index(after: slash)...]))
            head = String(head[..<slash])
        }
        return absolute(path)
    }

    private static var current: String {
        guard let buffer = getcwd(nil, 0) else { return "/" }
        defer { free(buffer) }
        return String(cString: buffer)
    }

    /// Names of the entries, without `.` and `..`; empty when it cannot be read.
    static func entries(_ path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    static func isDirectory(_ path: String) -> Bool {
        var entry = stat()
        return stat(path, &entry) == 0 && entry.st_mode & S_IFMT == S_IFDIR
    }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// The first directory on the way to `path` that `user` may not enter; `nil` when it can reach it.
    static func barrier(to path: String, for user: ServiceUser) -> String? {
        var prefix = ""
        for part in [""] + path.split(separator: "/").map(String.init) {
            prefix = part.isEmpty ? "/" : (prefix == "/" ? "/\(part)" : "\(prefix)/\(part)")
            var entry = stat()
            guard stat(prefix, &entry) == 0 else { return nil }
            let bit: UInt32 = entry.st_uid == user.uid ? 0o100 : entry.st_gid == user.gid ? 0o010 : 0o001
            if entry.st_mode & bit == 0 { return prefix }
        }
        return nil
    }

    /// Free bytes for unprivileged users on the file system of `path`.
    static func freeBytes(_ path: String) -> Int64? {
        var entry = statvfs()
        guard statvfs(path, &entry) == 0 else { return nil }
        return Int64(entry.f_bavail) * Int64(entry.f_frsize)
    }
}
