import Broker
import FleetTesting
import Foundation
import Store
import Testing

@Suite(.timeLimit(.minutes(3))) struct GatewayProcessTests {
    @Test func itStopsInOrderAtSIGTERM() async throws {
        try await GatewayFixture.with { fixture in
            let process = try fixture.startProcess()
            try await fixture.say(0..<100)
            fixture.expectOnceInOrder(try await fixture.take(100), 0..<100)
            process.signal(SIGTERM)
            #expect(await process.exit() == 0, "\(process.stderr)")
            #expect(try await fixture.leaseHolder() == nil)
            #expect(try await fixture.pending() == 0)
            let secret = fixture.telegram.token.split(separator: ":")[1]
            #expect(!process.stderr.contains(secret))
        }
    }

    @Test func whatAKilledOneHadNotConfirmedIsTakenByTheNext() async throws {
        try await GatewayFixture.with { fixture in
            let process = try fixture.startProcess()
            try await fixture.say(0..<50)
            var taken = try await fixture.take(50)
            try await fixture.say(50..<500)
            process.signal(SIGKILL)
            #expect(await process.exit() == -SIGKILL)
            // Its lease ends by itself; no need for the test to wait as long.
            _ = try await fixture.database.query(.init("", "UPDATE poller_lease SET expires_at = now()"))
            let next = try fixture.startProcess()
            // Copies may come: of what was confirmed, but not yet told to Telegram.
            var seen = Set(taken.map(\.number))
            while seen.count < 500 {
                let more = try await fixture.take(1)
                if more.isEmpty { break }
                for message in more where seen.insert(message.number).inserted {
                    taken.append(message)
                }
            }
            fixture.expectOnceInOrder(taken, 0..<500)
            next.signal(SIGTERM)
            #expect(await next.exit() == 0, "\(next.stderr)")
        }
    }

    @Test(arguments: [
        ("FLEET_AMQP_URL", "amqp://nobody:wrong@127.0.0.1:1/"),
        ("FLEET_AMQP_URL", ""), ("FLEET_AMQP_URL", "http://x"),
        ("FLEET_DATABASE_URL", "postgres://nobody:wrong@127.0.0.1:1/x"), ("FLEET_DATABASE_URL", ""),
        ("FLEET_KEY_FILE", "/nowhere/key"),
    ])
    func whatItCannotWorkWithoutIsSaidInALine(variable: String, value: String) async throws {
        try await GatewayFixture.with { fixture in
            let process = try fixture.startProcess(["--startup-seconds", "1"], environment: [variable: value])
            #expect(await process.exit() == 1)
            // What it wrote last may arrive after its exit.
            #expect(await process.writes("critical"))
            #expect(!process.stderr.contains("wrong"))
            #expect(!process.stderr.contains("Fatal error"))
        }
    }

    @Test func itStopsInTimeThoughTheBrokerIsAway() async throws {
        try await GatewayFixture.with { fixture in
            let relay = try TCPRelay(to: fixture.broker.host, port: fixture.broker.port)
            let text = try #require(ProcessInfo.processInfo.environment["FLEET_AMQP_URL"])
            var url = try #require(URLComponents(string: text))
            url.host = "127.0.0.1"
            url.port = relay.port
            let process = try fixture.startProcess(environment: ["FLEET_AMQP_URL": try #require(url.string)])
            try await fixture.say(0..<10)
            _ = try await fixture.take(10)
            relay.cut()
            relay.stall()
            try await fixture.say(10..<20)
            // Only a publication asks for the connection again.
            #expect(await process.writes("retry_in"))
            process.signal(SIGTERM)
            #expect(await process.exit() == 0, "\(process.stderr)")
            #expect(!process.stderr.contains("Fatal error"))
            #expect(try await fixture.leaseHolder() == nil)
            #expect(try await fixture.pending() == 10)
        }
    }
}
