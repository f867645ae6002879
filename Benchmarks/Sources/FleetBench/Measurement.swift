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

    /// `numerator` divided by `denominator`, run by run: they ran one after the other, so that the machine's drift is in
    /// both.
    mutating func addRatio(_ key: String, of numerator: String, to denominator: String) {
        guard let top = runs(numerator), let bottom = runs(denominator) else { return }
        for (one, other) in zip(top, bottom) { add(key, one / other) }
    }

    /// What each process spent on an update, in microseconds.
    mutating func addShares(_ prefix: String, _ meter: ServerMeter, workers: [Int32], updates: Int64) {
        let shares = meter.spent()
        for share in shares { add("\(prefix).\(share.name)_us", share.seconds * 1e6 / Double(updates)) }
        let total = workers.reduce(0) { $0 + ProcessFigures.cpuSeconds($1) }
        add("\(prefix).worker_us", total * 1e6 / Double(updates))
        // The threads of the worker that have one task each; the rest runs handlers and lanes.
        var named: [String: Double] = [:]
        for pid in workers { named.merge(ProcessFigures.threadSeconds(pid), uniquingKeysWith: +) }
        var rest = total
        for thread in ["amqp", "store", "http"] {
            let seconds = named[thread] ?? 0
            rest -= seconds
            add("\(prefix).worker_\(thread)_us", seconds * 1e6 / Double(updates))
        }
        add("\(prefix).worker_lanes_us", rest * 1e6 / Double(updates))
        let sum = (shares.reduce(total) { $0 + $1.seconds }) * 1e6 / Double(updates)
        add("\(prefix).sum_us", sum)
        // What all cores together could do at most.
        add("\(prefix).limit_per_s", 1e6 * Double(ProcessInfo.processInfo.activeProcessorCount) / sum)
    }

    func median(_ key: String) -> Double? {
        guard let sorted = runs(key)?.sorted(), !sorted.isEmpty else { return nil }
        return sorted[sorted.count / 2]
    }

    private func runs(_ key: String) -> [Double]? { values.first { $0.key == key }?.runs }

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
