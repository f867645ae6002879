import Glibc

/// What supervised processes inherit: the coordinator's environment, where the servers' addresses and secrets are.
enum ChildEnvironment {
    /// Not for children: the operator's token, and the mark of the coordinator's own supervisor, if it has one.
    private static let withheld = ["FLEET_API_TOKEN", ProcessTable.marker, "FLEET_KEY_FILE"]

    static func current(keyFile: String) -> [String] {
        var variables: [String] = []
        var next = environ
        while let entry = next.pointee {
            let variable = String(cString: entry)
            if !withheld.contains(where: { variable.hasPrefix("\($0)=") }) { variables.append(variable) }
            next += 1
        }
        return variables + ["FLEET_KEY_FILE=\(keyFile)"]
    }
}
