import Broker
import FleetModel
import FleetTesting
import Foundation
import Gateway
import HTTPTransport
import LocalServices
import Store
import TelegramAPI
import Testing

@Suite(.timeLimit(.minutes(5))) struct WebhookTests {
    @Test func whatUsersSayArrivesInOrderThroughCutsAndRefusals() async throws {
        try await GatewayFixture.with(declaring: false, intake: .webhook) { fixture in
            var arguments = QueueArguments(.classic)
            arguments.maxLength = 40
            try await fixture.channel.declareQueue(fixture.queue, arguments)
            let relay = try TCPRelay(to: fixture.broker.host, port: fixture.broker.port)
            var through = fixture.broker
            through.host = "127.0.0.1"
            through.port = relay.port
            try await fixture.withWebhooks(try WebhookFront(), broker: through) { gateway in
                #expect(try await fixture.isHooked(gateway))
                try await fixture.say(0..<2000)
                // Nobody empties the queue, so it gets full.
                #expect(try await eventually { await gateway.metrics.requestsRefused > 0 })
                #expect(
                    try await fixture.call(try await fixture.webhookURL(), secret: try await fixture.secret()) == 503)
                var taken: [(chat: Int64, number: Int)] = []
                for part in 1...5 {
                    taken += try await fixture.takeFirstCopies(part == 5 ? 2000 : part * 300, after: taken)
                    if part < 5 { relay.cut() }
                }
                fixture.expectOnceInOrder(taken, 0..<2000)
                #expect(try await eventually { try await fixture.pending() == 0 })
                #expect(await gateway.metrics.requestsTaken == 2000)
                #expect(await gateway.metrics.polls == 0)
            }
        }
    }

    @Test func strangersLearnNothingAndPutNothingIn() async throws {
        try await GatewayFixture.with(intake: .webhook) { fixture in
            let front = try WebhookFront()
            try await fixture.withWebhooks(front) {
                $0.bodyLimit = 1000
            } _: { gateway in
                #expect(try await fixture.isHooked(gateway))
                let url = try await fixture.webhookURL()
                let secret = try await fixture.secret()
                #expect(!url.contains(fixture.telegram.token.split(separator: ":")[1]))
                #expect(try await fixture.call(url, secret: nil) == 401)
                #expect(try await fixture.call(url, secret: "") == 401)
                #expect(try await fixture.call(url, secret: secret + "0") == 401)
                #expect(try await fixture.call(url, secret: String(secret.dropLast())) == 401)
                #expect(try await fixture.call(url, secret: String(repeating: "a", count: 5000)) == 401)
                #expect(try await fixture.call(front.url + "/nobody", secret: secret) == 404)
                #expect(try await fixture.call(front.url, secret: secret) == 404)
                #expect(try await fixture.call(url + "/more", secret: secret) == 404)
                #expect(try await fixture.call(url, method: .get, secret: secret) == 405)
                #expect(try await fixture.call(url, secret: secret, type: "text/plain") == 415)
                #expect(try await fixture.call(url, secret: secret, type: nil) == 415)
                #expect(try await fixture.call(url, secret: secret, body: []) == 400)
                let large = Array("{\"update_id\":1,\"x\":\"\(String(repeating: "x", count: 1000))\"}".utf8)
                #expect(try await fixture.call(url, secret: secret, body: large) == 413)
                let huge = [UInt8](repeating: 32, count: 20_000_000)
                #expect(try await fixture.call(url, secret: secret, body: huge) == 413)
                #expect(await gateway.metrics.updatesReceived == 0)
                #expect(try await fixture.channel.get(fixture.queue) == nil)
                // And the right one is let in, whatever a proxy does to the prefix.
                try await fixture.say(0..<1)
                fixture.expectOnceInOrder(try await fixture.take(1), 0..<1)
                let bare = url.replacingOccurrences(of: "/hooks", with: "")
                #expect(try await fixture.call(bare, secret: secret) == 200)
            }
        }
    }

    @Test func aSilentBrokerIsA503AndTheUpdateComesAgain() async throws {
        try await GatewayFixture.with(intake: .webhook) { fixture in
            let relay = try TCPRelay(to: fixture.broker.host, port: fixture.broker.port)
            var through = fixture.broker
            through.host = "127.0.0.1"
            through.port = relay.port
            try await fixture.withWebhooks(try WebhookFront(), broker: through) {
                $0.answerDeadline = .milliseconds(300)
            } _: { gateway in
                #expect(try await fixture.isHooked(gateway))
                try await fixture.say(0..<5)
                fixture.expectOnceInOrder(try await fixture.take(5), 0..<5)
                relay.stall()
                try await fixture.say(5..<10)
                #expect(try await eventually { await gateway.metrics.requestsRefused >= 3 })
                #expect(try await eventually { try await fixture.intakeCondition() == .failing })
                relay.cut()
                fixture.expectOnceInOrder(try await fixture.takeFirstCopies(5), 5..<10)
                #expect(try await eventually { try await fixture.intakeCondition() == .webhook })
            }
        }
    }

    @Test func theBrokerIsRestartedWhileTelegramCalls() async throws {
        try await PrivateServers.with { servers in
            try await GatewayFixture.with(intake: .webhook, amqpURL: servers.amqpURL) { fixture in
                try await fixture.withWebhooks(try WebhookFront()) { gateway in
                    #expect(try await fixture.isHooked(gateway))
                    try await fixture.say(0..<1000)
                    #expect(try await eventually { await gateway.metrics.requestsTaken > 100 })
                    try await servers.restart(.rabbitmq)
                    #expect(try await eventually { try await fixture.pending() == 0 })
                    let connection = try await BrokerConnection.open(fixture.broker, logger: TestBroker.logger)
                    let again = fixture.with(try await connection.openChannel())
                    again.expectOnceInOrder(try await again.takeFirstCopies(1000), 0..<1000)
                    await connection.close()
                }
            }
        }
    }

    @Test func severalConnectionsAreTheOperatorsChoice() async throws {
        try await GatewayFixture.with(intake: .webhook) { fixture in
            try await fixture.withWebhooks(try WebhookFront()) {
                $0.connections = 40
            } _: { gateway in
                #expect(try await fixture.isHooked(gateway))
                try await fixture.say(0..<500)
                #expect(try await fixture.takeFirstCopies(500).map(\.number).sorted() == Array(0..<500))
            }
        }
    }

    @Test func aStoppedBotIsCalledNoMoreAndLosesNothing() async throws {
        try await GatewayFixture.with(intake: .webhook) { fixture in
            try await fixture.withWebhooks(try WebhookFront()) { gateway in
                #expect(try await fixture.isHooked(gateway))
                let url = try await fixture.webhookURL()
                let secret = try await fixture.secret()
                try await fixture.database.setDesired(.stopped, of: fixture.bot)
                #expect(try await eventually { try await fixture.leaseHolder() == nil })
                #expect(try await fixture.webhookURL() == "")
                #expect(try await fixture.database.bot(fixture.bot)?.webhook == nil)
                #expect(try await eventually { try await fixture.call(url, secret: secret) == 404 })
                try await fixture.say(0..<5)
                #expect(try await fixture.pending() == 5)
                try await fixture.database.setDesired(.running, of: fixture.bot)
                fixture.expectOnceInOrder(try await fixture.take(5), 0..<5)
                #expect(try await fixture.webhookURL() != url)
            }
        }
    }

    @Test func aWebhookThatSomebodyTookAwayIsSetAgain() async throws {
        try await GatewayFixture.with(intake: .webhook) { fixture in
            try await fixture.withWebhooks(try WebhookFront()) { gateway in
                #expect(try await fixture.isHooked(gateway))
                let ours = try await fixture.webhookURL()
                try await fixture.client().setWebhook(SetWebhook(url: "http://127.0.0.1:1/theirs"))
                #expect(try await eventually { try await fixture.intakeCondition() == .conflict })
                try await fixture.say(0..<5)
                fixture.expectOnceInOrder(try await fixture.take(5), 0..<5)
                #expect(try await fixture.webhookURL() == ours)
                #expect(try await eventually { try await fixture.intakeCondition() == .webhook })
            }
        }
    }

    @Test func aRefusedTokenIsSaidAndTheNextOneTaken() async throws {
        try await GatewayFixture.with(intake: .webhook) { fixture in
            try await fixture.database.setToken(Secret("99:gone"), of: fixture.bot, vault: fixture.vault)
            try await fixture.withWebhooks(try WebhookFront()) { gateway in
                #expect(try await eventually { try await fixture.intakeCondition() == .refused })
                try await fixture.database.setToken(
                    Secret(fixture.telegram.token), of: fixture.bot, vault: fixture.vault)
                try await fixture.say(0..<5)
                fixture.expectOnceInOrder(try await fixture.take(5), 0..<5)
                #expect(try await eventually { try await fixture.intakeCondition() == .webhook })
            }
        }
    }

    @Test func aGatewayWithoutWebhooksLeavesSuchABotToOthers() async throws {
        try await GatewayFixture.with(intake: .webhook) { fixture in
            try await fixture.withGateway("plain") { plain in
                try await fixture.withWebhooks(try WebhookFront(), "hooked") { hooked in
                    try await fixture.say(0..<5)
                    fixture.expectOnceInOrder(try await fixture.take(5), 0..<5)
                    #expect(await plain.polled.isEmpty)
                    #expect(try await fixture.database.intakeStates()[fixture.bot]?.gateway == "hooked")
                }
            }
        }
    }
}
