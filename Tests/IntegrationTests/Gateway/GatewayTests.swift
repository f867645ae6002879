import Broker
import FleetControl
import FleetModel
import FleetTesting
import Foundation
import Gateway
import Store
import TelegramAPI
import Testing

@Suite(.timeLimit(.minutes(3))) struct GatewayTests {
    @Test func whatUsersSayArrivesOnceAndInOrderAndIsAcknowledged() async throws {
        try await GatewayFixture.with { fixture in
            try await fixture.withGateway { gateway in
                try await fixture.say(0..<500)
                fixture.expectOnceInOrder(try await fixture.take(500), 0..<500)
                try await fixture.say(500..<520)
                fixture.expectOnceInOrder(try await fixture.take(20), 500..<520)
                let metrics = await gateway.metrics
                #expect(metrics.updatesConfirmed == 520)
                #expect(metrics.publishFailures == 0 && metrics.conflicts == 0)
            }
            // The last of it was told on the way out.
            #expect(try await fixture.pending() == 0)
            #expect(try await fixture.leaseHolder() == nil)
            #expect(try await fixture.channel.get(fixture.queue) == nil)
        }
    }

    @Test func ofTwoGatewaysOnePollsAndTheOtherTakesOver() async throws {
        try await GatewayFixture.with { fixture in
            try await fixture.withGateway("second") { second in
                #expect(try await fixture.polls(second))
                try await fixture.withGateway("first") { first in
                    try await fixture.say(0..<50)
                    fixture.expectOnceInOrder(try await fixture.take(50), 0..<50)
                    #expect(await first.polled.isEmpty)
                    #expect(await first.metrics.polls == 0)
                    #expect(await second.metrics.conflicts == 0)
                }
            }
            try await fixture.withGateway("third") { third in
                try await fixture.say(50..<100)
                fixture.expectOnceInOrder(try await fixture.take(50), 50..<100)
                #expect(await third.metrics.conflicts == 0)
            }
        }
    }

    @Test func aLeaseThatIsTakenAwayEndsThePolling() async throws {
        try await GatewayFixture.with { fixture in
            try await fixture.withGateway { gateway in
                #expect(try await fixture.polls(gateway))
                _ = try await fixture.database.query(
                    Statement(
                        "",
                        "UPDATE poller_lease SET holder = 'other', expires_at = clock_timestamp() + interval '1 hour'"))
                #expect(try await eventually { await gateway.polled.isEmpty })
                #expect(await gateway.metrics.leasesLost == 1)
                try await fixture.say(0..<5)
                #expect(try await fixture.pending() == 5)
                #expect(try await fixture.leaseHolder() == "other")
                _ = try await fixture.database.query(Statement("", "DELETE FROM poller_lease"))
                fixture.expectOnceInOrder(try await fixture.take(5), 0..<5)
            }
        }
    }

    @Test func aLeaseThatCannotBeRenewedEndsInTime() async throws {
        try await GatewayFixture.with { fixture in
            // Renewed too seldom, so it ends; the next refresh takes it again.
            try await fixture.withGateway(ttl: .seconds(2), renewal: .seconds(600)) { gateway in
                #expect(try await eventually { await gateway.metrics.leasesLost >= 1 })
                #expect(try await eventually { await gateway.metrics.leasesTaken >= 2 })
                try await fixture.say(0..<10)
                fixture.expectOnceInOrder(try await fixture.take(10), 0..<10)
            }
        }
    }

    @Test func aFullQueueLeavesTheUpdatesAtTelegram() async throws {
        try await GatewayFixture.with(declaring: false) { fixture in
            // Bounded by an operator: the gateway takes the queue as it is.
            var arguments = QueueArguments(.classic)
            arguments.maxLength = 3
            try await fixture.channel.declareQueue(fixture.queue, arguments)
            try await fixture.say(0..<120)
            try await fixture.withGateway { gateway in
                #expect(try await eventually { await gateway.metrics.publishFailures > 0 })
                // At most an answer is in memory, and nothing of it is acknowledged before it is confirmed.
                #expect(try await fixture.pending() >= 110)
                fixture.expectOnceInOrder(try await fixture.take(120), 0..<120)
            }
            #expect(try await fixture.pending() == 0)
        }
    }

    @Test func theBrokerGoesAwayAndComesBack() async throws {
        try await GatewayFixture.with { fixture in
            let relay = try TCPRelay(to: fixture.broker.host, port: fixture.broker.port)
            var through = fixture.broker
            through.host = "127.0.0.1"
            through.port = relay.port
            try await fixture.withGateway(broker: through) { gateway in
                try await fixture.say(0..<20)
                var taken = try await fixture.take(20)
                for round in 1...3 {
                    relay.cut()
                    try await fixture.say(round * 20..<round * 20 + 20)
                    taken += try await fixture.take(20)
                }
                fixture.expectOnceInOrder(taken, 0..<80)
            }
        }
    }

    @Test func aQueueThatWasDeletedIsDeclaredAgain() async throws {
        try await GatewayFixture.with { fixture in
            try await fixture.withGateway { gateway in
                try await fixture.say(0..<5)
                _ = try await fixture.take(5)
                try await fixture.channel.deleteQueue(fixture.queue)
                try await fixture.say(5..<10)
                // Asking for the queue while it is not there closes the channel, so wait for the confirms first.
                #expect(try await eventually { await gateway.metrics.updatesConfirmed == 10 })
                fixture.expectOnceInOrder(try await fixture.take(5), 5..<10)
                #expect(await gateway.metrics.publishFailures > 0)
            }
        }
    }

    @Test func aRefusedTokenStopsThePollingUntilItIsReplaced() async throws {
        try await GatewayFixture.with { fixture in
            try await fixture.database.setToken(Secret("99:gone"), of: fixture.bot, vault: fixture.vault)
            try await fixture.withGateway { gateway in
                #expect(try await eventually { await gateway.metrics.tokensRefused == 1 })
                #expect(try await eventually { await gateway.polled.isEmpty })
                try await fixture.database.setToken(
                    Secret(fixture.telegram.token), of: fixture.bot, vault: fixture.vault)
                try await fixture.say(0..<5)
                fixture.expectOnceInOrder(try await fixture.take(5), 0..<5)
                #expect(await gateway.metrics.tokensRefused == 1)
            }
        }
    }

    @Test func aForeignPollerIsAConflictThatEndsWithIt() async throws {
        try await GatewayFixture.with { fixture in
            let client = try fixture.client()
            try await fixture.withGateway { gateway in
                #expect(try await fixture.polls(gateway))
                #expect(
                    try await eventually {
                        _ = try? await client.getUpdates(offset: nil, limit: 1, timeout: .seconds(1))
                        return await gateway.metrics.conflicts > 0
                    })
                try await fixture.say(0..<5)
                fixture.expectOnceInOrder(try await fixture.take(5), 0..<5)
            }
        }
    }

    @Test func aWebhookInTheWayIsDeleted() async throws {
        try await GatewayFixture.with { fixture in
            try await fixture.client().setWebhook(SetWebhook(url: "http://127.0.0.1:1/hook"))
            try await fixture.say(0..<5)
            try await fixture.withGateway { _ in
                fixture.expectOnceInOrder(try await fixture.take(5), 0..<5)
            }
        }
    }

    @Test func aBotThatIsStoppedIsPolledNoLonger() async throws {
        try await GatewayFixture.with { fixture in
            try await fixture.withGateway { gateway in
                #expect(try await fixture.polls(gateway))
                try await fixture.database.setDesired(.stopped, of: fixture.bot)
                #expect(try await eventually { await gateway.polled.isEmpty })
                #expect(try await eventually { try await fixture.leaseHolder() == nil })
                try await fixture.say(0..<3)
                try await fixture.database.setDesired(.running, of: fixture.bot)
                fixture.expectOnceInOrder(try await fixture.take(3), 0..<3)
            }
        }
    }

    @Test func theLimitIsFilledWithBotsThatNobodyElsePolls() async throws {
        try await GatewayFixture.with { fixture in
            for prefix in ["a", "b"] {
                // Before the fixture's own in order, and another gateway's.
                let bot = try #require(BotID("\(prefix)\(Incarnation())"))
                let spec = BotSpec(id: bot, behaviour: "echo", queue: .classic, apiURL: fixture.simulator.url)
                let telegram = try await fixture.simulator.addBot()
                try await fixture.database.addBot(spec, token: Secret(telegram.token), vault: fixture.vault)
                #expect(try await fixture.database.acquirePollerLease(bot, holder: "other", ttl: .seconds(3600)))
            }
            try await fixture.withGateway(maximumPollers: 1) { gateway in
                let polls = try await eventually(within: .seconds(20)) { await gateway.polled == [fixture.bot] }
                #expect(polls)
            }
        }
    }

    @Test func aPollerHeldUpByASilentBrokerHoldsUpNobodyElse() async throws {
        try await GatewayFixture.with { fixture in
            let relay = try TCPRelay(to: fixture.broker.host, port: fixture.broker.port)
            var through = fixture.broker
            through.host = "127.0.0.1"
            through.port = relay.port
            // The broker's silence ends nothing before the test's own limits do.
            through.heartbeat = .seconds(100)
            through.confirmTimeout = .seconds(100)
            try await fixture.withGateway(broker: through) { gateway in
                try await fixture.say(0..<5)
                _ = try await fixture.take(5)
                relay.stall()
                try await fixture.say(5..<10)
                #expect(try await eventually { await gateway.metrics.updatesReceived == 10 })
                try await fixture.database.setDesired(.stopped, of: fixture.bot)
                let isFree = try await eventually(within: .seconds(40)) { try await fixture.leaseHolder() == nil }
                #expect(isFree)
                #expect(try await fixture.pending() == 5)
            }
        }
    }
}
