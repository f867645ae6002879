import ArgumentParser
import Broker
import FleetModel
import FleetTesting
import Foundation

/// Publishing with confirms the way the gateway does it: pages of 100 updates from ten pollers over one connection. A C
/// program with rabbitmq-c's own calls, as many publications under way, takes turns with it.
struct Publish: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Updates published and confirmed per second, beside rabbitmq-c's own calls.")

    @OptionGroup var options: BenchOptions
    @Option var updates: Int64 = 100_000
    @Option var chats: Int64 = 500

    func run() async throws {
        var measurement = Measurement("publish: persistent, mandatory, confirmed, 1000 under way")
        for _ in 0..<options.runs {
            try await measure("reference", &measurement) { fleet, bot in
                try await Self.reference(fleet, bot, updates, chats)
            }
            try await measure("gateway", &measurement) { fleet, bot in
                try await Self.gateway(fleet, bot, updates, chats)
            }
        }
        measurement.addRatio(
            "ratio.messages_per_s", of: "gateway.messages_per_s", to: "reference.messages_per_s")
        measurement.addRatio("ratio.cpu", of: "gateway.client_us", to: "reference.client_us")
        try measurement.report(to: options.output)
    }

    private struct Spent {
        /// From the first publication to the last confirm.
        let seconds: Double
        let clientSeconds: Double
    }

    private func measure(
        _ name: String, _ measurement: inout Measurement, _ publish: (BenchFleet, BotID) async throws -> Spent
    ) async throws {
        try await BenchFleet.with { fleet, _ in
            let meter = ServerMeter()
            let spent = try await publish(fleet, fleet.bots[0])
            let broker = meter.spent().first { $0.name == "rabbitmq" }?.seconds
            measurement.add("\(name).messages_per_s", Double(updates) / spent.seconds)
            measurement.add("\(name).client_us", spent.clientSeconds * 1e6 / Double(updates))
            if let broker { measurement.add("\(name).rabbitmq_us", broker * 1e6 / Double(updates)) }
        }
    }

    private static func gateway(
        _ fleet: BenchFleet, _ bot: BotID, _ updates: Int64, _ chats: Int64
    ) async throws -> Spent {
        let pollers: Int64 = 10
        let page: Int64 = 100
        // The bodies are there before the clock starts, as the gateway has them from Telegram.
        let bodies = (1...updates).map { BenchFleet.message($0, chat: 1 + $0 % chats) }
        let queue = FleetTopology.intakeQueue(of: bot)
        let cpu = ownProcessorSeconds()
        let start = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for poller in 0..<pollers {
                group.addTask {
                    for first in stride(from: poller * page, to: updates, by: Int(pollers * page)) {
                        let headers: [String: AMQPValue] = [
                            FleetTopology.receivedHeader: .int(Timestamp.now.milliseconds)
                        ]
                        let outcomes = try await fleet.publisher.publish(
                            bodies[Int(first)..<Int(min(first + page, updates))].map {
                                Publication(
                                    routingKey: queue, body: $0, contentType: "application/json", headers: headers)
                            })
                        guard outcomes.allSatisfy(\.isConfirmed) else { throw BenchError("not confirmed") }
                    }
                }
            }
            try await group.waitForAll()
        }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        return Spent(seconds: seconds, clientSeconds: ownProcessorSeconds() - cpu)
    }

    private static func reference(
        _ fleet: BenchFleet, _ bot: BotID, _ updates: Int64, _ chats: Int64
    ) async throws -> Spent {
        let process = try BuiltProcess(
            at: URL(fileURLWithPath: Consumer.referenceProgram("publish")),
            [FleetTopology.intakeQueue(of: bot), "1", String(updates), String(chats)])
        let said = await process.writes("\n")
        let words = process.stderr.split(whereSeparator: { $0 == " " || $0 == "\n" })
        guard said, await process.exit() == 0, words.count == 4, let seconds = Double(words[1]),
            let microseconds = Double(words[3])
        else { throw BenchError("the reference failed: \(process.stderr)") }
        return Spent(seconds: seconds, clientSeconds: microseconds / 1e6)
    }

    private static func ownProcessorSeconds() -> Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        return seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }
}
