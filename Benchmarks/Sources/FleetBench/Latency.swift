import ArgumentParser
import Broker
import FleetModel
import FleetTesting
import Foundation

/// From the moment an update is due to be published until the simulator has its reply. First the highest rate is
/// measured by emptying a full queue; then updates are published at half of it, on a clock that waits for nobody; and at
/// a rate at which nothing ever waits for anything else, which is the limit.
struct Latency: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Time from publishing an update to its reply, at half the highest rate and at rest.")

    @OptionGroup var options: BenchOptions
    @Option(help: "Updates that the highest rate is measured with.")
    var updates: Int64 = 20_000
    @Option(help: "Seconds at each rate.")
    var seconds: Int64 = 8
    @Option(help: "Updates a second at rest.")
    var rest: Double = 100
    @Option var chats: Int64 = 500

    func run() async throws {
        var measurement = Measurement("latency: from publishing an update to its reply")
        for _ in 0..<options.runs {
            let simulator = try await SimulatorProcess.start()
            defer { simulator.process.signal(SIGKILL) }
            try await BenchFleet.with(simulator: simulator) { fleet, accounts in
                try await measure(fleet, simulator, accounts[0], &measurement)
            }
        }
        try measurement.report(to: options.output)
    }

    private func measure(
        _ fleet: BenchFleet, _ simulator: SimulatorProcess, _ account: SimulatorProcess.Bot,
        _ measurement: inout Measurement
    ) async throws {
        let bot = fleet.bots[0]
        try await fleet.fill(bot, ids: 1...updates, chats: chats)
        let worker = try fleet.start(.worker, bot)
        try await fleet.waitSettled(bot, updates)
        try await fleet.waitSent()
        let arrivals = try await Self.arrivals(simulator, account)
        guard let first = arrivals.values.min(), let last = arrivals.values.max() else {
            throw BenchError("no replies")
        }
        let highest = Double(arrivals.count) * 1_000_000 / Double(last - first)
        measurement.add("highest_per_s", highest)

        var next = updates + 1
        for (name, rate) in [("rest", rest), ("half", highest / 2)] {
            let count = Int64(rate * Double(seconds))
            let due = try await publish(fleet, bot, ids: next..<next + count, rate: rate)
            next += count
            try await fleet.waitSettled(bot, next - 1)
            try await fleet.waitSent()
            let arrivals = try await Self.arrivals(simulator, account)
            let times = due.compactMap { id, due in arrivals[id].map { Double($0 - due) / 1000 } }
            guard times.count == Int(count) else { throw BenchError("\(times.count) replies for \(count) updates") }
            measurement.add("\(name).updates_per_s", rate)
            measurement.add("\(name).p50_ms", times.percentile(0.5))
            measurement.add("\(name).p99_ms", times.percentile(0.99))
            measurement.add("\(name).p999_ms", times.percentile(0.999))
            measurement.add("\(name).max_ms", times.max() ?? .nan)
        }
        worker.signal(SIGTERM)
        _ = await worker.exit()
    }

    /// Publishes on the clock: what is due goes out, whether or not what went before is confirmed.
    /// - Returns: when each was due, in microseconds of the wall clock.
    private func publish(
        _ fleet: BenchFleet, _ bot: BotID, ids: Range<Int64>, rate: Double
    ) async throws -> [Int64: Int64] {
        var due: [Int64: Int64] = [:]
        due.reserveCapacity(ids.count)
        let clock = ContinuousClock.now
        let wall = Self.wallMicroseconds()
        try await withThrowingTaskGroup(of: Void.self) { group in
            var next = ids.lowerBound
            while next < ids.upperBound {
                let elapsed = (ContinuousClock.now - clock) / .seconds(1)
                let end = min(ids.upperBound, ids.lowerBound + Int64(elapsed * rate) + 1)
                if next < end {
                    let batch = (next..<end).map { BenchFleet.publication($0, bot, chats: chats) }
                    for id in next..<end { due[id] = wall + Int64(Double(id - ids.lowerBound) * 1_000_000 / rate) }
                    group.addTask {
                        let outcomes = try await fleet.publisher.publish(batch)
                        guard outcomes.allSatisfy(\.isConfirmed) else { throw BenchError("not confirmed") }
                    }
                    next = end
                }
                let moment = clock + .seconds(Double(next - ids.lowerBound) / rate)
                try await Task.sleep(until: max(moment, .now + .milliseconds(1)), tolerance: .zero)
            }
            try await group.waitForAll()
        }
        return due
    }

    /// When the reply to each update came in, in microseconds of the wall clock.
    private static func arrivals(
        _ simulator: SimulatorProcess, _ account: SimulatorProcess.Bot
    ) async throws -> [Int64: Int64] {
        var arrivals: [Int64: Int64] = [:]
        for entry in try await simulator.log(account) where entry.type == "call" {
            // The text ends in the update's id.
            guard let id = entry.text?.split(separator: " ").last.flatMap({ Int64($0) }), let at = entry.at_us else {
                continue
            }
            arrivals[id] = at
        }
        return arrivals
    }

    private static func wallMicroseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }
}
