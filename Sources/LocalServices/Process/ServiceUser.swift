import Glibc

/// The unprivileged user a server runs as when it is started by root. PostgreSQL refuses to run as root, and neither
/// server should.
public struct ServiceUser: Sendable, Equatable {
    public let name: String
    public let uid: UInt32
    public let gid: UInt32

    /// The user of this name; `nil` when the system has none.
    public init?(named name: String) {
        guard let entry = getpwnam(name) else { return nil }
        self.name = name
        uid = entry.pointee.pw_uid
        gid = entry.pointee.pw_gid
    }

    /// Whom to run `service` as: nobody else (`nil`) unless the caller is root.
    static func needed(_ name: String, for service: String) throws(ServiceError) -> ServiceUser? {
        if geteuid() != 0 { return nil }
        guard let user = ServiceUser(named: name) else {
            throw ServiceError(
                .missingBinary,
                service,
                "there is no user '\(name)' to run it as",
                advice: "install the Debian package that makes it, or run as an unprivileged user"
            )
        }
        return user
    }

    /// setpriv(1) drops to the user before the program starts; it is part of util-linux, which every Debian has.
    var prefix: [String] {
        ["/usr/bin/setpriv", "--reuid", String(uid), "--regid", String(gid), "--init-groups", "--"]
    }
}
