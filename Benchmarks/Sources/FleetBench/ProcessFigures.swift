import Foundation

/// What the kernel says of a process (proc(5)).
enum ProcessFigures {
    /// Processor time of a process' threads so far, in seconds, by the thread's name.
    static func threadSeconds(_ pid: Int32) -> [String: Double] {
        var seconds: [String: Double] = [:]
        for thread in entries("/proc/\(pid)/task") {
            let folder = "/proc/\(pid)/task/\(thread)"
            // schedstat counts nanoseconds; `stat` would count hundredths of a second.
            guard let name = text("\(folder)/comm")?.dropLast(),
                let time = text("\(folder)/schedstat")?.split(separator: " ").first.flatMap({ Double($0) })
            else { continue }
            seconds[String(name), default: 0] += time / 1e9
        }
        return seconds
    }

    /// Processor time used so far, in seconds.
    static func cpuSeconds(_ pid: Int32) -> Double { threadSeconds(pid).values.reduce(0, +) }

    /// The same of a process and all that descend from it. Those that have ended count by hundredths of a second.
    static func treeSeconds(_ root: Int32) -> Double {
        var children: [Int32: [Int32]] = [:]
        for name in entries("/proc") {
            guard let pid = Int32(name), let parent = statFields(pid)?[1] else { continue }
            children[Int32(parent), default: []].append(pid)
        }
        var total = 0.0
        var pending = [root]
        while let pid = pending.popLast() {
            total += cpuSeconds(pid)
            // Fields 16 and 17 of stat: of children that were waited for.
            if let fields = statFields(pid) { total += (fields[13] + fields[14]) / Double(sysconf(Int32(_SC_CLK_TCK))) }
            pending += children[pid] ?? []
        }
        return total
    }

    /// A line of `status` or `smaps_rollup` in kB, such as `VmRSS` or `Pss`.
    static func kilobytes(_ field: String, _ pid: Int32, in file: String = "status") -> Double {
        guard let lines = text("/proc/\(pid)/\(file)")?.split(separator: "\n") else { return 0 }
        for line in lines where line.hasPrefix("\(field):") {
            return Double(line.split(whereSeparator: { $0 == " " || $0 == "\t" })[1]) ?? 0
        }
        return 0
    }

    static func threads(_ pid: Int32) -> Double { Double(entries("/proc/\(pid)/task").count) }
    static func descriptors(_ pid: Int32) -> Double { Double(entries("/proc/\(pid)/fd").count) }

    /// The fields of stat behind the name: 0 is the state, 1 the parent, 11 and 12 the times.
    private static func statFields(_ pid: Int32) -> [Double]? {
        guard let stat = text("/proc/\(pid)/stat"), let end = stat.lastIndex(of: ")") else { return nil }
        let fields = stat[stat.index(after: end)...].split(separator: " ").map { Double($0) ?? 0 }
        return fields.count > 14 ? fields : nil
    }

    private static func entries(_ folder: String) -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    }

    private static func text(_ path: String) -> String? { try? String(contentsOfFile: path, encoding: .utf8) }
}

/// Processor time of the servers, from when it was made. Only those that `fleetctl services up` started are known, by
/// the pid files under `FLEET_HOME`.
struct ServerMeter {
    private let servers: [(name: String, pid: Int32, before: Double)]

    /// - Parameter simulator: its process, if it takes part.
    init(simulator: Int32? = nil) {
        var found: [(String, Int32)] = []
        if let home = ProcessInfo.processInfo.environment["FLEET_HOME"] {
            for (name, file) in [("rabbitmq", "rabbitmq"), ("postgresql", "postgres")] {
                guard let text = try? String(contentsOfFile: "\(home)/run/\(file).pid", encoding: .utf8),
                    let pid = text.split(separator: " ").first.flatMap({ Int32($0) })
                else { continue }
                found.append((name, pid))
            }
        }
        if let simulator { found.append(("simulator", simulator)) }
        servers = found.map { ($0.0, $0.1, ProcessFigures.treeSeconds($0.1)) }
    }

    /// Seconds since then, by name.
    func spent() -> [(name: String, seconds: Double)] {
        servers.map { ($0.name, ProcessFigures.treeSeconds($0.pid) - $0.before) }
    }
}
