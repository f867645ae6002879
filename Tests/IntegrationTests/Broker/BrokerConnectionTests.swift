import Broker
import FleetTesting
import Foundation
import Testing

@Suite struct BrokerConnectionTests {
    private func failure(_ body: () async throws -> Void) async -> BrokerError? {
        do {
            try await body()
            return nil
        } catch {
            #expect(error is BrokerError)
            return error as? BrokerError
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func wrongPasswordAndMissingVhostSayWhatToDo() async throws {
        try await withTestBroker { broker in
            let place = "\(broker.configuration.host):\(broker.configuration.port)"
            let wrong = try BrokerConfiguration(
                url: "amqp://\(broker.configuration.user):hunter2@\(place)", name: "test")
            let login = await failure { _ = try await BrokerConnection.open(wrong, logger: TestBroker.logger) }
            #expect(login?.code == .refused(.login) && login?.description.contains("check user and password") == true)
            #expect(login?.description.contains("hunter2") == false)
            let vhost = await failure { _ = try await broker.connect { $0.vhost = "no such vhost" } }
            #expect(vhost?.code == .refused(.vhost) && vhost?.description.contains("no such vhost") == true)
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func channelErrorsSayWhyAndLeaveTheConnectionAlone() async throws {
        try await withTestBroker { broker in
            let connection = try await broker.connect()
            let queue = broker.name("work")
            let mine = broker.name("mine")
            let first = try await connection.openChannel()
            try await first.declareQueue(queue, QueueArguments(.quorum))
            try await first.declareQueue(mine, durable: false, exclusive: true, autoDelete: true)
            let other = try await broker.connect()

            let cases: [(BrokerError.Code, String, (BrokerChannel) async throws -> Void)] = [
                (.notFound, "404", { _ = try await $0.queueStatus("no such queue") }),
                (.notFound, "404", { _ = try await $0.consume("no such queue", prefetch: 1) }),
                (.notFound, "404", { try await $0.bindQueue(queue, to: "no such exchange") }),
                (.preconditionFailed, "406", { try await $0.declareQueue(queue, QueueArguments(.classic)) }),
                (.locked, "405", { _ = try await $0.queueStatus(mine) }),
            ]
            for (code, number, action) in cases {
                let channel = try await other.openChannel()
                let error = await failure { try await action(channel) }
                #expect(error?.code == code && error?.description.contains("(\(number))") == true)
                #expect(!channel.isOpen && other.isOpen)
                #expect(await failure { try await action(channel) }?.code == code)
            }
            // A tag that was never delivered.
            let channel = try await other.openChannel()
            let deliveries = try await channel.consume(queue, prefetch: 1)
            try await channel.ack(AckSet(upTo: 12_345))
            let error = await failure { _ = try await deliveries.next(max: 1) }
            #expect(error?.code == .preconditionFailed)
            #expect(other.isOpen && connection.isOpen)
            await other.close()
            await connection.close()
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func fanoutReachesEveryExclusiveQueue() async throws {
        try await withTestBroker { broker in
            let connection = try await broker.connect()
            let channel = try await connection.openChannel()
            let exchange = broker.name("all")
            try await channel.declareExchange(exchange, type: .fanout)
            var inboxes: [Deliveries] = []
            for _ in 0..<3 {
                // The broker makes up the name.
                let queue = try await channel.declareQueue("", durable: false, exclusive: true, autoDelete: true).name
                #expect(!queue.isEmpty)
                try await channel.bindQueue(queue, to: exchange)
                inboxes.append(try await channel.consume(queue, prefetch: 5))
            }
            let publisher = try await Publisher.open(on: connection)
            let command = Publication(exchange: exchange, routingKey: "", body: Array("stop".utf8))
            #expect(try await publisher.publish(command) == .confirmed)
            for inbox in inboxes {
                let got = try await inbox.next(max: 5)
                #expect(got.map(\.exchange) == [exchange] && got[0].body == Array("stop".utf8))
            }
            await connection.close()
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func aCutConnectionIsReplacedAndItsMessagesComeAgain() async throws {
        try await withTestBroker { broker in
            let relay = try TCPRelay(to: broker.configuration.host, port: broker.configuration.port)
            var configuration = broker.configuration
            configuration.host = "127.0.0.1"
            configuration.port = relay.port
            let link = BrokerLink(configuration: configuration, logger: TestBroker.logger)
            let first = try await link.connection()
            let queue = broker.name("work")
            let channel = try await first.openChannel()
            try await channel.declareQueue(queue, QueueArguments(.quorum))
            try await BrokerConsumeTests.publish(10, to: queue, on: first)
            let before = try await BrokerConsumeTests.pull(10, try await channel.consume(queue, prefetch: 50))
            relay.cut()
            let error = await failure { _ = try await channel.get(queue) }
            #expect(error?.code == .closed && error?.disposition == .reconnect)

            let second = try await link.connection()
            #expect(second !== first)
            let again = try await second.openChannel().consume(queue, prefetch: 50)
            let after = try await BrokerConsumeTests.pull(10, again)
            #expect(after.map(\.body) == before.map(\.body) && after.allSatisfy(\.redelivered))
            #expect(await link.reconnects == 1)
            await link.close()
        }
    }

    /// A stalled network: our socket fills up, nothing comes back. The heartbeat ends it although writing stands still.
    @Test(.timeLimit(.minutes(1)))
    func aStalledConnectionIsNoticedWhilePublishing() async throws {
        try await withTestBroker { broker in
            let relay = try TCPRelay(to: broker.configuration.host, port: broker.configuration.port)
            let connection = try await broker.connect {
                $0.host = "127.0.0.1"
                $0.port = relay.port
                $0.heartbeat = .seconds(1)
            }
            let queue = broker.name("work")
            try await connection.openChannel().declareQueue(queue, QueueArguments(.classic))
            let publisher = try await Publisher.open(on: connection, window: 100)
            relay.stall()
            let body = [UInt8](repeating: 7, count: 500_000)
            let outcomes = try await publisher.publish(
                (0..<100).map { _ in Publication(routingKey: queue, body: body) })
            #expect(outcomes.first == .unknown && !outcomes.contains(.confirmed))
            #expect(await connection.waitUntilClosed()?.code == .peerSilent)
        }
    }

    /// Descriptors and threads go away with their connection. Other tests run meanwhile, so only growth by the round shows.
    @Test(.timeLimit(.minutes(2)))
    func connectingManyTimesLeavesNothingBehind() async throws {
        func count(_ folder: String) throws -> Int { try FileManager.default.contentsOfDirectory(atPath: folder).count }
        try await withTestBroker { broker in
            let queue = broker.name("work")
            let rounds = 300
            let descriptors = try count("/proc/self/fd")
            let threads = try count("/proc/self/task")
            for _ in 0..<rounds {
                let connection = try await broker.connect()
                let channel = try await connection.openChannel()
                try await channel.declareQueue(queue, QueueArguments(.classic))
                _ = try await channel.consume(queue, prefetch: 5)
                await connection.close()
            }
            #expect(try count("/proc/self/fd") < descriptors + rounds / 2)
            #expect(try count("/proc/self/task") < threads + rounds / 2)
        }
    }
}
