import CLinux
import Glibc

/// Starts a process that outlives this one: a session of its own, no inherited descriptors, input from `/dev/null`,
/// output and errors appended to its log.
enum ProcessSpawn {
    /// Returns its pid.
    static func spawn(_ spec: ProcessSpec, environment: [String], log: String) throws(FileError) -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o640)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        _ = clinux_spawn_close_from(&actions, 3)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        _ = clinux_spawn_detached(&attributes)

        var pid: pid_t = 0
        let code = withCStrings([spec.executable] + spec.arguments) { arguments in
            withCStrings(environment) { environment in
                posix_spawn(&pid, spec.executable, &actions, &attributes, arguments, environment)
            }
        }
        guard code == 0 else {
            throw FileError(text: "cannot start \(spec.executable): \(String(cString: strerror(code)))")
        }
        return pid
    }

    private static func withCStrings<Result>(
        _ strings: [String],
        _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
    ) -> Result {
        var pointers: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) }
        pointers.append(nil)
        defer { for pointer in pointers { free(pointer) } }
        return pointers.withUnsafeMutableBufferPointer { buffer in
            // The array has at least its terminator, so it has an address.
            guard let base = buffer.baseAddress else { preconditionFailure("an array with a terminator is not empty") }
            return body(base)
        }
    }
}
