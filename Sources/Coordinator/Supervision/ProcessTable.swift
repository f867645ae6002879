import Glibc

/// What `/proc` says about processes of this user. proc(5).
enum ProcessTable {
    /// The environment variable that marks a supervised process: `<state directory>:<name>`. It is set before the
    /// process exists, so a coordinator that crashes right after a spawn still finds its child again.
    static let marker = "FLEET_SUPERVISED"

    /// The supervised processes of a state directory, by name; oldest first when a name has several.
    static func find(stateDirectory: String) -> [String: [Int32]] {
        var found: [String: [(pid: Int32, started: UInt64)]] = [:]
        let prefix = Array("\(marker)=\(stateDirectory):".utf8)
        for pid in pids() {
            // A worker leads its session; what it may have started itself inherits the marker, but does not.
            guard let stat = ProcessStat(pid: pid), stat.session == pid, !stat.isZombie,
                let name = markedName(pid: pid, prefix: prefix)
            else { continue }
            found[name, default: []].append((pid, stat.startTime))
        }
        return found.mapValues { $0.sorted { $0.started < $1.started }.map(\.pid) }
    }

    /// The name in the process's marker, `nil` when it is none of ours.
    static func name(pid: Int32, stateDirectory: String) -> String? {
        markedName(pid: pid, prefix: Array("\(marker)=\(stateDirectory):".utf8))
    }

    private static func markedName(pid: Int32, prefix: [UInt8]) -> String? {
        guard let environment = SmallFile.read("/proc/\(pid)/environ", limit: 1 << 20) else { return nil }
        for entry in environment.split(separator: 0) where entry.starts(with: prefix) {
            return String(decoding: entry.dropFirst(prefix.count), as: UTF8.self)
        }
        return nil
    }

    private static func pids() -> [Int32] {
        guard let directory = opendir("/proc") else { return [] }
        defer { closedir(directory) }
        var pids: [Int32] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if let pid = Int32(name) { pids.append(pid) }
        }
        return pids
    }
}

/// The fields of `/proc/PID/stat` that supervision needs.
struct ProcessStat {
    let isZombie: Bool
    let session: Int32
    /// Clock ticks after boot: with the pid, it names a process.
    let startTime: UInt64

    init?(pid: Int32) {
        guard let bytes = SmallFile.read("/proc/\(pid)/stat", limit: 4096) else { return nil }
        self.init(text: String(decoding: bytes, as: UTF8.self))
    }

    /// The command's name is in parentheses and may hold spaces and parentheses itself.
    init?(text: String) {
        guard let end = text.lastIndex(of: ")") else { return nil }
        // From field 3 (state) on: session is field 6, starttime field 22.
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 19, let session = Int32(fields[3]), let start = UInt64(fields[19]) else { return nil }
        isZombie = fields[0] == "Z" || fields[0] == "X"
        self.session = session
        startTime = start
    }
}
