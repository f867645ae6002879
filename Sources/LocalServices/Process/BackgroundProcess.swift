import Glibc

/// A process that outlives its starter and is found again by its pid file.
///
/// The file holds the process id and its start time, so that a later process of the same id is not taken for it.
public struct BackgroundProcess: Sendable {
    /// What errors call it.
    public let name: String
    public let pidFile: String

    public init(name: String, pidFile: String) {
        self.name = name
        self.pidFile = pidFile
    }

    /// Its process id while it runs.
    public var pid: Int32? {
        guard let text = TextFile.read(pidFile), let entry = Entry(text) else { return nil }
        return ProcessWatch.startTime(of: entry.pid) == entry.startTime ? entry.pid : nil
    }

    /// The value of a variable in its environment, as it was started; `nil` when it does not run or has none.
    public func environmentValue(_ name: String) -> String? {
        guard let pid else { return nil }
        let (prefix, deadline) = ("\(name)=", Deadline(after: .seconds(1)))
        var text = TextFile.read("/proc/\(pid)/environ") ?? ""
        // Right after exec the kernel shows an empty environment for a moment.
        while text.isEmpty, !deadline.hasPassed, !ProcessWatch.pause(5, orEndOf: pid) {
            text = TextFile.read("/proc/\(pid)/environ") ?? ""
        }
        return text.split(separator: "\0").first { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
    }

    /// Starts it; its output is appended to `log`. The caller has made sure that it does not run.
    @discardableResult
    public func start(_ request: ProcessRequest, log: String) throws(ServiceError) -> Int32 {
        let pid = try ProcessSpawner.spawn(request, output: .file(log))
        // Gone within microseconds: the caller will notice when it waits for it, and then read the log.
        let startTime = ProcessWatch.startTime(of: pid) ?? 0
        do throws(ServiceError) {
            try TextFile.write(pidFile, Entry(pid: pid, startTime: startTime).text, mode: 0o644)
        } catch {
            kill(-pid, SIGKILL)
            throw error
        }
        return pid
    }

    /// Sends `signal`, waits, and kills its whole group when it is not gone by then. Does nothing when it does not run.
    public func stop(signal: Int32 = SIGTERM, within limit: Duration = .seconds(20)) throws(ServiceError) {
        guard let pid else {
            unlink(pidFile)
            return
        }
        kill(pid, signal)
        if !ProcessWatch.waitForExit(of: pid, Deadline(after: limit)) {
            kill(-pid, SIGKILL)
            kill(pid, SIGKILL)
            guard ProcessWatch.waitForExit(of: pid, Deadline(after: .seconds(5))) else {
                throw ServiceError(
                    .didNotStop,
                    name,
                    "process \(pid) does not end, even killed",
                    advice: "see what holds it: ps \(pid)"
                )
            }
        }
        unlink(pidFile)
    }

    /// Waits up to `milliseconds`; returns `true` as soon as it has ended.
    public func ends(within milliseconds: Int32) -> Bool {
        guard let pid else { return true }
        return ProcessWatch.pause(milliseconds, orEndOf: pid)
    }

    /// `4711 8812345`: the id and the start time.
    struct Entry: Equatable {
        let pid: Int32
        let startTime: UInt64

        init(pid: Int32, startTime: UInt64) {
            self.pid = pid
            self.startTime = startTime
        }

        init?(_ text: String) {
            let words = text.split(whereSeparator: \.isWhitespace)
            guard words.count == 2, let pid = Int32(words[0]), pid > 1, let time = UInt64(words[1]) else { return nil }
            self.init(pid: pid, startTime: time)
        }

        var text: String { "\(pid) \(startTime)\n" }
    }
}
