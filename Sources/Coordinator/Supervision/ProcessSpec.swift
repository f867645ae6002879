/// A process the supervisor should keep running. Secrets go by its environment, never by `arguments`.
public struct ProcessSpec: Sendable, Equatable {
    /// Unique among the supervised: `shop-1`, `gateway-1`. Also the name of its log file.
    public var name: String
    /// An absolute path.
    public var executable: String
    /// Without the executable itself.
    public var arguments: [String]

    public init(name: String, executable: String, arguments: [String]) {
        self.name = name
        self.executable = executable
        self.arguments = arguments
    }
}

/// What the supervisor knows of a process.
public struct ProcessStatus: Sendable, Equatable {
    public var name: String
    /// `nil` between two runs.
    public var pid: Int32?
    public var isWanted: Bool
    public var restarts: Int
}

/// A supervised process ended.
public struct ProcessExit: Sendable, Equatable {
    public var name: String
    public var pid: Int32
}
