import CLinux
import EventLoop
import Glibc
import Synchronization

/// A copy of this program that runs the handlers of suspects, one at a time: when it dies, that one did it.
final class TrialProcess: Sendable {
    struct NotStarted: Error, CustomStringConvertible {
        let description: String
    }

    /// How a process ended.
    enum Death: Sendable {
        /// By something the program itself did: a trap, a bad access, abort, exit.
        case ownFault(String)
        /// By somebody else, or for want of memory.
        case killed(String)
    }

    /// Until it was waited for.
    private let pid: Mutex<pid_t?>
    private let socket: MessageSocket

    /// Starts it, with this process's arguments and environment.
    init(loop: EventLoop) throws {
        var ends: [Int32] = [-1, -1]
        guard clinux_socket_pair(&ends) == 0 else { throw NotStarted(description: Self.text("socketpair", errno)) }
        do {
            pid = Mutex(try Self.spawn(ends[1]))
        } catch {
            for end in ends { close(end) }
            throw error
        }
        close(ends[1])
        socket = MessageSocket(descriptor: ends[0], loop: loop)
    }

    /// Waits until it can be asked. `false`: it ended before, so nothing was tried.
    func isReady() async -> Bool { await socket.next() == TrialServer.ready }

    /// `nil`: it died over this.
    func answer(_ request: [UInt8]) async -> [UInt8]? {
        await socket.send(request)
        return await socket.next()
    }

    /// Ends it at once.
    func kill() { pid.withLock { pid in if let pid { _ = Glibc.kill(pid, SIGKILL) } } }

    /// Closes the connection, which ends the process if it lives, and says how it ended.
    func end() async -> Death {
        await socket.close()
        guard let pid = pid.withLock({ $0.take() }) else { return .killed("it is gone") }
        // A process that has begun to die keeps its own cause.
        _ = Glibc.kill(pid, SIGKILL)
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        let signal = status & 0x7f
        if signal == 0 { return .ownFault("exited with status \(status >> 8 & 0xff)") }
        let name = String(cString: strsignal(signal))
        let faults = [SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS]
        return faults.contains(signal)
            ? .ownFault("died of signal \(signal), \(name)") : .killed("signal \(signal), \(name)")
    }

    private static func spawn(_ end: Int32) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, end, 0)
        // What a handler prints goes where the log goes.
        posix_spawn_file_actions_adddup2(&actions, 2, 1)
        clinux_spawn_close_from(&actions, 3)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // A session of its own: a terminal's signals are for the worker.
        clinux_spawn_detached(&attributes)
        guard let variable = strdup("\(TrialServer.variable)=1") else { throw NotStarted(description: "out of memory") }
        defer { free(variable) }
        var environment: [UnsafeMutablePointer<CChar>?] = [variable]
        var entry = environ
        while let text = entry.pointee {
            environment.append(text)
            entry += 1
        }
        environment.append(nil)
        var pid: pid_t = 0
        let code = posix_spawn(&pid, "/proc/self/exe", &actions, &attributes, CommandLine.unsafeArgv, environment)
        guard code == 0 else { throw NotStarted(description: text("posix_spawn", code)) }
        return pid
    }

    private static func text(_ call: String, _ code: Int32) -> String { "\(call): \(String(cString: strerror(code)))" }
}
