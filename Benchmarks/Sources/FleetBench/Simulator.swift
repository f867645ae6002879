import ArgumentParser
import FleetTesting
import Foundation
import HTTPTransport

/// The simulator alone: it must not be what limits the fleet.
struct Simulator: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "sendMessage calls per second that the simulator answers.")

    @OptionGroup var options: BenchOptions
    @Option var calls = 60_000
    @Option(help: "Calls on their way at a time.")
    var concurrency = 64

    func run() async throws {
        var measurement = Measurement("simulator: sendMessage calls over keep-alive connections")
        for _ in 0..<options.runs {
            let simulator = try await SimulatorProcess.start()
            let bot = try await simulator.addBot()
            let url = "\(simulator.url)/bot\(bot.token)/sendMessage"
            let transport = try HTTPTransport()
            let exchange = transport.exchange()
            let before = ProcessFigures.cpuSeconds(simulator.process.pid)
            let start = ContinuousClock.now
            var sent = 0
            var answered = 0
            while answered < calls {
                let room = min(concurrency - (sent - answered), calls - sent)
                exchange.submit(
                    (0..<room).map { index in
                        let body = Array("{\"chat_id\":\(1 + (sent + index) % 500),\"text\":\"message\"}".utf8)
                        return (
                            sent + index,
                            HTTPRequest(
                                method: .post, url: url, headers: [.json], body: body, deadline: .seconds(30))
                        )
                    })
                sent += room
                for completion in await exchange.next() {
                    guard try completion.result.get().status == 200 else { throw BenchError("a call was refused") }
                    answered += 1
                }
            }
            let seconds = (ContinuousClock.now - start) / .seconds(1)
            measurement.add("calls_per_s", Double(calls) / seconds)
            let cpu = ProcessFigures.cpuSeconds(simulator.process.pid) - before
            measurement.add("simulator_cpu_ms_per_1000", cpu * 1000 / Double(calls) * 1000)
            exchange.close()
            await transport.shutdown()
        }
        try measurement.report(to: options.output)
    }
}
