import Foundation

/// Named figures of several runs, shown and saved with minimum, median and maximum.
struct Measurement {
    let name: String
    private var values: [(key: String, runs: [Double])] = []

    init(_ name: String) { self.name = name }

    mutating func add(_ key: String, _ value: Double) {
        if let index = values.firstIndex(where: { $0.key == key }) {
            values[index].runs.append(value)
        } else {
            values.append((key, [value]))
        }
    }

    func report(to path: String?) throws {
        print("\n\(name)")
        func column(_ value: Double) -> String {
            let text = String(format: value >= 100 ? "%.0f" : "%.2f", value)
            return String(repeating: " ", count: max(0, 12 - text.count)) + text
        }
        print("  \("".padding(toLength: 34, withPad: " ", startingAt: 0))         min      median         max")
        var json: [String: Any] = ["name": name, "at": ISO8601DateFormatter().string(from: Date())]
        for (key, runs) in values {
            let sorted = runs.sorted()
            let median = sorted[sorted.count / 2]
            print(
                "  \(key.padding(toLength: 34, withPad: " ", startingAt: 0))"
                    + [sorted[0], median, sorted[sorted.count - 1]].map(column).joined())
            json[key] = ["min": sorted[0], "median": median, "max": sorted[sorted.count - 1], "runs": runs]
        }
        guard let path else { return }
        let data = try JSONSerialization.data(withJSONObject: json, options: [.prettyPrinted, .sortedKeys])
        try data.write(to: URL(fileURLWithPath: path))
    }
}

extension [Double] {
    /// The value at rank `p` (0...1) of the sorted values.
    func percentile(_ p: Double) -> Double {
        let sorted = self.sorted()
        if sorted.isEmpty { return .nan }
        return sorted[Swift.min(sorted.count - 1, Int(p * Double(sorted.count)))]
    }
}

/// What the kernel says of a process (proc(5)).
enum ProcessFigures {
    /// Processor time used so far, in seconds.
    static func cpuSeconds(_ pid: Int32) -> Double {
        guard let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
            let end = stat.lastIndex(of: ")")
        else { return 0 }
        let fields = stat[stat.index(after: end)...].split(separator: " ")
        guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else { return 0 }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// A line of /proc/PID/status in kB, such as `VmRSS`.
    static func kilobytes(_ field: String, _ pid: Int32) -> Double {
        guard let status = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8) else { return 0 }
        for line in status.split(separator: "\n") where line.hasPrefix("\(field):") {
            return Double(line.split(whereSeparator: { $0 == " " || $0 == "\t" })[1]) ?? 0
        }
        return 0
    }
}
