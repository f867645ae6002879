import Glibc

/// The directory of a local fleet, `.fleet` by default, and where in it everything lies.
public struct ServiceHome: Sendable {
    /// Absolute.
    public let path: String

    public init(_ path: String) { self.path = Directory.absolute(path) }

    var settingsFile: String { "\(path)/services.json" }
    var lockFile: String { "\(path)/services.lock" }
    public func pidFile(_ name: String) -> String { "\(path)/run/\(name).pid" }
    public func log(_ name: String) -> String { "\(path)/logs/\(name).log" }

    /// Makes the directories. The home can be entered by others, so that the servers' users reach their data; what is
    /// secret in it is 0600.
    public func make() throws(ServiceError) {
        try Directory.make(path, mode: 0o755)
        try Directory.make("\(path)/run", mode: 0o755)
        try Directory.make("\(path)/logs", mode: 0o755)
    }

    /// Removes the directory with all that is in it.
    public func remove() throws(ServiceError) { try LocalServices.removeTree(path) }

    /// Where `users` can have their data: the home, or a directory in `/var/tmp` when one of them cannot enter it, as
    /// below `/root`.
    /// - Returns: the directory, and why it is not the home.
    func dataRoot(for users: [ServiceUser]) throws(ServiceError) -> (path: String, why: String?) {
        let barriers = users.compactMap { Directory.barrier(to: path, for: $0) }
        guard let barrier = barriers.first, let user = users.first else { return (path, nil) }
        let spare = "/var/tmp/fleet-\(String(Self.fingerprint(path), radix: 16))"
        try Directory.make(spare, mode: 0o755)
        var entry = stat()
        guard lstat(spare, &entry) == 0, entry.st_mode & S_IFMT == S_IFDIR, entry.st_uid == geteuid(),
            users.allSatisfy({ Directory.barrier(to: spare, for: $0) == nil })
        else {
            throw ServiceError(
                .cannotEnter,
                "the servers' users",
                "'\(user.name)' cannot enter \(barrier)",
                advice: "chmod o+x \(barrier), or choose another home with --home"
            )
        }
        return (spare, "'\(user.name)' cannot enter \(barrier), so the servers' data is in \(spare)")
    }

    /// FNV-1a over the path: the same home always gets the same spare directory.
    static func fingerprint(_ text: String) -> UInt64 {
        text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }
}
