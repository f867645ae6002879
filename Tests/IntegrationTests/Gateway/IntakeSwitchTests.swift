import FleetModel
import FleetTesting
import Foundation
import Gateway
import Store
import TelegramAPI
import Testing

/// From polling to webhooks and back: nothing is lost, nothing overtakes, and nobody reads while somebody else does.
@Suite(.timeLimit(.minutes(5))) struct IntakeSwitchTests {
    @Test func backAndForthUnderLoadWithTwoGateways() async throws {
        try await GatewayFixture.with { fixture in
            let front = try WebhookFront()
            try await fixture.withWebhooks(front, "one") { one in
                try await fixture.withWebhooks(front, "two") { two in
                    var taken: [(chat: Int64, number: Int)] = []
                    for round in 0..<6 {
                        let mode = round % 2 == 0 ? IntakeMode.webhook : .polling
                        try await fixture.say(round * 200..<round * 200 + 100)
                        try await fixture.database.changeBot(fixture.bot, BotChange(intake: mode))
                        let isThere = try await eventually {
                            let isSet = try await fixture.webhookURL() != ""
                            let polled = await one.polled + two.polled
                            return isSet == (mode == .webhook) && polled.isEmpty == (mode == .webhook)
                        }
                        #expect(isThere, "round \(round) did not come to \(mode)")
                        taken += try await fixture.takeFirstCopies(round * 200 + 100, after: taken)
                        // The next connection is the other gateway's.
                        front.cut()
                        try await fixture.say(round * 200 + 100..<round * 200 + 200)
                        taken += try await fixture.takeFirstCopies(round * 200 + 200, after: taken)
                    }
                    // And without waiting for any of it.
                    for round in 6..<16 {
                        try await fixture.say(round * 200..<round * 200 + 200)
                        let mode = round % 2 == 0 ? IntakeMode.webhook : .polling
                        try await fixture.database.changeBot(fixture.bot, BotChange(intake: mode))
                        taken += try await fixture.takeFirstCopies(round * 200 + 20, after: taken)
                    }
                    taken += try await fixture.takeFirstCopies(3200, after: taken)
                    fixture.expectOnceInOrder(taken, 0..<3200)
                    #expect(try await fixture.refusedPolls() == 0)
                    #expect(await one.metrics.conflicts + two.metrics.conflicts == 0)
                    #expect(await one.metrics.requestsTaken > 0)
                    #expect(await two.metrics.requestsTaken > 0)
                    #expect(try await eventually { try await fixture.pending() == 0 })
                    #expect(try await eventually { try await fixture.database.bot(fixture.bot)?.webhook == nil })
                }
            }
        }
    }

    @Test func aGatewayKilledWhileItSwitches() async throws {
        try await GatewayFixture.with { fixture in
            let front = try WebhookFront()
            let options = ["--webhook-listen", "127.0.0.1:0", "--webhook-url", front.url]
            var process = try fixture.startProcess(options)
            var taken: [(chat: Int64, number: Int)] = []
            for round in 0..<4 {
                let mode = round % 2 == 0 ? IntakeMode.webhook : .polling
                try await fixture.say(round * 100..<round * 100 + 100)
                try await fixture.database.changeBot(fixture.bot, BotChange(intake: mode))
                // Somewhere in its refresh, its last poll, or its first webhook: any moment will do.
                try await Task.sleep(for: .milliseconds(Int.random(in: 0...3500)))
                process.signal(SIGKILL)
                #expect(await process.exit() == -SIGKILL)
                // Its lease ends by itself; no need for the test to wait as long.
                _ = try await fixture.database.query(.init("", "UPDATE poller_lease SET expires_at = now()"))
                process = try fixture.startProcess(options)
                #expect(await process.writes("taking webhooks"))
                let port = try #require(Self.port(process.stderr))
                front.only(port)
                taken += try await fixture.takeFirstCopies((round + 1) * 100, after: taken)
            }
            fixture.expectOnceInOrder(taken, 0..<400)
            #expect(try await eventually { try await fixture.pending() == 0 })
            #expect(try await eventually { try await fixture.intakeCondition() == .polling })
            #expect(try await fixture.webhookURL() == "")
            #expect(try await fixture.refusedPolls() == 0)
            process.signal(SIGTERM)
            #expect(await process.exit() == 0, "\(process.stderr)")
        }
    }

    @Test func aGatewayThatWasFrozenDoesNotUndoWhatTheNextOneDid() async throws {
        try await GatewayFixture.with(intake: .webhook) { fixture in
            let front = try WebhookFront()
            let options = ["--webhook-listen", "127.0.0.1:0", "--webhook-url", front.url]
            let frozen = try fixture.startProcess(options)
            #expect(await frozen.writes("taking webhooks"))
            front.only(try #require(Self.port(frozen.stderr)))
            try await fixture.say(0..<50)
            var taken = try await fixture.takeFirstCopies(50)
            frozen.signal(SIGSTOP)
            try await fixture.say(50..<100)
            // Its lease would end by itself, and it would know; here it learns it from the next renewal, and may poll
            // until then.
            _ = try await fixture.database.query(.init("", "UPDATE poller_lease SET expires_at = now()"))
            try await fixture.database.changeBot(fixture.bot, BotChange(intake: .polling))
            try await fixture.withGateway("next") { _ in
                taken += try await fixture.takeFirstCopies(100, after: taken)
                #expect(try await fixture.webhookURL() == "")
                frozen.signal(SIGCONT)
                #expect(await frozen.writes("taking in ends"))
                try await fixture.say(100..<150)
                taken += try await fixture.takeFirstCopies(150, after: taken)
            }
            fixture.expectOnceInOrder(taken, 0..<150)
            #expect(try await fixture.refusedPolls() == 0)
            #expect(try await fixture.webhookURL() == "")
        }
    }

    @Test func itStopsInOrderWhileTelegramCalls() async throws {
        try await GatewayFixture.with(intake: .webhook) { fixture in
            let front = try WebhookFront()
            let options = ["--webhook-listen", "127.0.0.1:0", "--webhook-url", front.url + "/"]
            let process = try fixture.startProcess(options)
            #expect(await process.writes("taking webhooks"))
            front.only(try #require(Self.port(process.stderr)))
            try await fixture.say(0..<1000)
            var taken = try await fixture.takeFirstCopies(100)
            let secret = try await fixture.secret()
            process.signal(SIGTERM)
            #expect(await process.exit() == 0, "\(process.stderr)")
            #expect(try await fixture.leaseHolder() == nil)
            // The webhook stays, for the next.
            #expect(try await fixture.webhookURL() != "")
            #expect(!process.stderr.contains(secret))
            #expect(!process.stderr.contains(fixture.telegram.token.split(separator: ":")[1]))
            let next = try fixture.startProcess(
                [],
                environment: [
                    "FLEET_WEBHOOK_LISTEN": "127.0.0.1:0", "FLEET_WEBHOOK_URL": front.url,
                ])
            #expect(await next.writes("taking webhooks"))
            front.only(try #require(Self.port(next.stderr)))
            taken += try await fixture.takeFirstCopies(1000, after: taken)
            fixture.expectOnceInOrder(taken, 0..<1000)
        }
    }

    @Test(arguments: [
        ["--webhook-listen", "127.0.0.1:0"], ["--webhook-url", "https://x"],
        ["--webhook-listen", "127.0.0.1", "--webhook-url", "https://x"],
        ["--webhook-listen", "127.0.0.1:1", "--webhook-url", "ftp://x"],
        ["--webhook-listen", "127.0.0.1:0", "--webhook-url", "https://x", "--webhook-connections", "101"],
    ])
    func whatCannotBeIsRefusedAtOnce(options: [String]) async throws {
        let process = try BuiltProcess("fleet-gateway", ["--name", "g"] + options)
        #expect(await process.exit() == 64)
        #expect(await process.writes("--webhook-"))
    }

    private static func port(_ text: String) -> Int? {
        let parts = text.components(separatedBy: "port=")
        return parts.count < 2 ? nil : Int(parts[1].prefix(while: \.isNumber))
    }
}
