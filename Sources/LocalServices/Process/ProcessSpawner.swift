import CLinux
import Glibc

/// What to run, and with what.
public struct ProcessRequest: Sendable {
    public var executable: String
    public var arguments: [String]
    /// The whole environment of the child: nothing is inherited.
    public var environment: [String: String]
    public var directory: String?
    /// `nil`: as the caller.
    public var user: ServiceUser?
    public var input = "/dev/null"

    public init(
        _ executable: String,
        _ arguments: [String],
        environment: [String: String],
        directory: String? = nil,
        user: ServiceUser? = nil
    ) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
        self.directory = directory
        self.user = user
    }
}

public enum ProcessSpawner {
    enum Output {
        /// Appended to a file, made with mode 0600.
        case file(String)
        case descriptor(Int32)
    }

    /// Starts a process in a session of its own, with default signals and no descriptors but the three standard ones,
    /// so that it lives on when the caller ends or its terminal closes.
    /// - Returns: its process id, which is also its process group.
    static func spawn(_ request: ProcessRequest, output: Output) throws(ServiceError) -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, request.input, O_RDONLY, 0)
        switch output {
        case .file(let path):
            posix_spawn_file_actions_addopen(&actions, 1, path, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        case .descriptor(let descriptor):
            posix_spawn_file_actions_adddup2(&actions, descriptor, 1)
        }
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        clinux_spawn_close_from(&actions, 3)
        if let directory = request.directory { clinux_spawn_directory(&actions, directory) }

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        let flags = Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF) | clinux_spawn_set_session()
        posix_spawnattr_setflags(&attributes, flags)

        let arguments = (request.user?.prefix ?? []) + [request.executable] + request.arguments
        let environment = request.environment.map { "\($0.key)=\($0.value)" }.sorted()
        var pid: pid_t = 0
        let code = withCStrings(arguments) { argv in
            withCStrings(environment) { envp in posix_spawn(&pid, arguments[0], &actions, &attributes, argv, envp) }
        }
        guard code == 0 else {
            throw ServiceError(
                code == ENOENT ? .missingBinary : .system,
                request.executable,
                "cannot be started: \(systemText(code))",
                advice: "check that \(arguments[0]) and the directory \(request.directory ?? ".") exist and may be used"
            )
        }
        return pid
    }

    /// Runs a short-lived program to its end.
    /// - Returns: its exit status (128 + signal when it was killed) and what it wrote to both outputs, at most 1 MiB.
    public static func run(
        _ request: ProcessRequest,
        within limit: Duration
    ) throws(ServiceError) -> (status: Int32, output: String) {
        var ends: [Int32] = [-1, -1]
        guard clinux_pipe(&ends) == 0 else {
            throw ServiceError(.system, request.executable, "no pipe: \(systemText())", advice: "close some programs")
        }
        defer { close(ends[0]) }
        let pid: Int32
        do throws(ServiceError) {
            pid = try spawn(request, output: .descriptor(ends[1]))
        } catch {
            close(ends[1])
            throw error
        }
        close(ends[1])
        let deadline = Deadline(after: limit)
        let output = readToEnd(ends[0], deadline)
        guard ProcessWatch.waitForExit(of: pid, deadline) else {
            kill(-pid, SIGKILL)
            _ = ProcessWatch.waitForExit(of: pid, Deadline(after: .seconds(5)))
            throw ServiceError(
                .didNotStart,
                request.executable,
                "was not done after \(limit)",
                advice: "look at the load of the machine"
            )
        }
        return (ProcessWatch.lastStatus(of: pid), output)
    }

    private static func readToEnd(_ descriptor: Int32, _ deadline: Deadline) -> String {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while !deadline.hasPassed {
            var watched = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            if poll(&watched, 1, deadline.milliseconds()) <= 0 { continue }
            let count = read(descriptor, &buffer, buffer.count)
            if count <= 0 { break }
            if bytes.count < 1 << 20 { bytes.append(contentsOf: buffer[0..<count]) }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// Calls `body` with a null-terminated array of C strings, as exec wants it.
private func withCStrings<Result>(
    _ strings: [String],
    _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
    var pointers: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) }
    pointers.append(nil)
    defer { for pointer in pointers { free(pointer) } }
    return pointers.withUnsafeMutableBufferPointer { buffer in
        // An array that holds at least the nil has a base address.
        guard let base = buffer.baseAddress else { preconditionFailure("an array with one element has an address") }
        return body(base)
    }
}
