import Glibc

/// The directory of a local fleet, `.fleet` by default, and where in it everything lies.
public struct ServiceHome: Sendable {
    /// Absolute and without symbolic links, so that every process calls the home by the same name.
    public let path: String

    public init(_ path: String) { self.path = Directory.real(path) }

    var settingsFile: String { "\(path)/services.json" }
    var lockFile: String { "\(path)/services.lock" }
    /// Written when the home is made: only a directory that has it is ever removed whole.
    var marker: String { "\(path)/fleet-home" }
    public func pidFile(_ name: String) -> String { "\(path)/run/\(name).pid" }
    public func log(_ name: String) -> String { "\(path)/logs/\(name).log" }

    /// Makes the directories. The home can be entered by others, so that the servers' users reach their data; what is
    /// secret in it is 0600.
    public func make() throws(ServiceError) {
        if try Directory.make(path, mode: 0o755) || Directory.entries(path).isEmpty {
            try TextFile.write(marker, "A home of fleetctl. Everything in this directory is its own.\n", mode: 0o644)
        }
        try Directory.make("\(path)/run", mode: 0o755)
        try Directory.make("\(path)/logs", mode: 0o755)
    }

    /// Whether the directory was made as a home, or holds nothing, or is not there: what may be removed whole.
    public var isOwn: Bool {
        Directory.exists(marker) || !Directory.exists(path)
            || (Directory.isDirectory(path) && Directory.entries(path).isEmpty)
    }

    /// - Throws: when the directory is somebody else's, such as one that was there before with files in it.
    public func requireOwn() throws(ServiceError) {
        guard isOwn else {
            throw ServiceError(
                .foreign,
                path,
                "was not made by fleetctl, so it is not touched",
                advice: "move it away, or choose another home with --home"
            )
        }
    }

    /// Removes the directory with all that is in it, if it was made as a home.
    public func remove() throws(ServiceError) {
        try requireOwn()
        try LocalServices.removeTree(path)
    }

    /// Runs `body` while no other process holds the home: looking for a process and starting it is one step then.
    public func locked<Result>(_ body: () throws -> Result) throws -> Result {
        try FileLock.holdAny("\(path)/fleet.lock", body)
    }

    /// Where `users` can have their data: the home, or a directory in `/var/tmp` when one of them cannot enter it, as
    /// below `/root`.
    /// - Returns: the directory, and why it is not the home.
    func dataRoot(for users: [ServiceUser]) throws(ServiceError) -> (path: String, why: String?) {
        let barriers = users.compactMap { Directory.barrier(to: path, for: $0) }
        guard let barrier = barriers.first, let user = users.first else { return (path, nil) }
        let spare = spareRoot
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

    var spareRoot: String { "/var/tmp/fleet-\(fingerprint)" }

    /// The same for the same path: names what belongs to this home elsewhere.
    public var fingerprint: String { String(Self.fingerprint(path), radix: 16) }

    /// FNV-1a over the path: the same home always gets the same spare directory.
    static func fingerprint(_ text: String) -> UInt64 {
        text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }
}
