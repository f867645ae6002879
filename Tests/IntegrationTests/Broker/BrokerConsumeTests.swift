import Broker
import FleetTesting
import Testing

@Suite struct BrokerConsumeTests {
    /// Publishes numbers 0..<count as text and checks that each is confirmed.
    static func publish(_ count: Int, to queue: String, on connection: BrokerConnection) async throws {
        let publisher = try await Publisher.open(on: connection)
        let batch = (0..<count).map { Publication(routingKey: queue, body: Array("\($0)".utf8)) }
        let outcomes = try await publisher.publish(batch)
        #expect(outcomes == Array(repeating: .confirmed, count: count))
        await publisher.close()
    }

    static func pull(_ count: Int, _ deliveries: Deliveries, max: Int = 500) async throws -> [Delivery] {
        var all: [Delivery] = []
        while all.count < count { all += try await deliveries.next(max: max) }
        return all
    }

    @Test(.timeLimit(.minutes(1)), arguments: [QueueArguments.Kind.quorum, .classic])
    func whatIsPublishedArrivesInOrderAndIsAcknowledged(kind: QueueArguments.Kind) async throws {
        try await withTestBroker { broker in
            let connection = try await broker.connect()
            let channel = try await connection.openChannel()
            var arguments = QueueArguments(kind)
            arguments.singleActiveConsumer = true
            arguments.deadLetterExchange = broker.name("dead")
            try await channel.declareExchange(broker.name("dead"), type: .direct)
            let queue = broker.name("work")
            let status = try await channel.declareQueue(queue, arguments)
            #expect(status == QueueStatus(name: queue, messages: 0, consumers: 0))
            try await Self.publish(1000, to: queue, on: connection)

            let deliveries = try await channel.consume(queue, prefetch: 300)
            var expected = 0
            while expected < 1000 {
                let batch = try await deliveries.next(max: 100)
                #expect(batch.count <= 100)
                for delivery in batch {
                    #expect(delivery.body == Array("\(expected)".utf8))
                    #expect(delivery.routingKey == queue)
                    #expect(!delivery.redelivered)
                    expected += 1
                }
                // The last of each batch singly, the others together.
                let last = try #require(batch.last).tag
                try await channel.ack(AckSet(upTo: last - 1, also: [last]))
            }
            await channel.close()
            // Nothing is left over: the next consumer sees only what is published now.
            let other = try await connection.openChannel()
            let rest = try await other.consume(queue, prefetch: 10)
            try await Self.publish(1, to: queue, on: connection)
            let first = try await rest.next(max: 10)
            #expect(first.map(\.body) == [Array("0".utf8)] && !first[0].redelivered)
            await connection.close()
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func oneMessageIsFetched() async throws {
        try await withTestBroker { broker in
            let connection = try await broker.connect()
            let channel = try await connection.openChannel()
            let queue = broker.name("work")
            try await channel.declareQueue(queue, QueueArguments(.classic))
            #expect(try await channel.get(queue) == nil)
            try await Self.publish(2, to: queue, on: connection)
            let first = try #require(try await channel.get(queue))
            #expect(first.body == Array("0".utf8))
            try await channel.ack(AckSet(upTo: first.tag))
            #expect(try await channel.get(queue)?.body == Array("1".utf8))
            #expect(try await channel.deleteQueue(queue) == 0)
            await connection.close()
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func whatIsNotAcknowledgedComesBackInOrder() async throws {
        try await withTestBroker { broker in
            let connection = try await broker.connect()
            let first = try await connection.openChannel()
            let queue = broker.name("work")
            try await first.declareQueue(queue, QueueArguments(.quorum))
            try await Self.publish(20, to: queue, on: connection)
            let before = try await Self.pull(20, try await first.consume(queue, prefetch: 20))
            try await first.ack(AckSet(upTo: before[4].tag, also: [before[7].tag]))
            await first.close()

            let second = try await connection.openChannel()
            let after = try await Self.pull(14, try await second.consume(queue, prefetch: 100))
            let numbers = after.map { String(decoding: $0.body, as: UTF8.self) }
            #expect(numbers == ["5", "6"] + (8..<20).map { "\($0)" })
            #expect(after.allSatisfy { $0.redelivered && $0.deliveryCount == 1 })
            await connection.close()
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func bodiesAndPropertiesArriveAsTheyWereSent() async throws {
        try await withTestBroker { broker in
            let connection = try await broker.connect()
            let channel = try await connection.openChannel()
            let queue = broker.name("work")
            try await channel.declareQueue(queue, QueueArguments(.classic))
            let publisher = try await Publisher.open(on: connection)
            // None, one byte, just below and above a frame, and many frames.
            let sizes = [0, 1, 131_063, 131_064, 131_065, 262_128, 1 << 20]
            let bodies = sizes.map { size in (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) } }
            _ = try await publisher.publish(bodies.map { Publication(routingKey: queue, body: $0) })
            let headers: [String: AMQPValue] = [
                "text": "grüße", "number": -7, "yes": true, "real": .double(1.5), "raw": .bytes([0, 255]),
                "list": .array([1, "two", .null]), "nested": .table(["deep": .table(["er": 3])]),
                "at": .timestamp(1_700_000_000),
                "price": .decimal(scale: 2, value: 1234),
            ]
            let rich = Publication(
                routingKey: queue,
                body: [1],
                contentType: "application/json",
                headers: headers,
                replyTo: "answers",
                correlationID: "c-1",
                messageID: "m-1"
            )
            #expect(try await publisher.publish(rich) == .confirmed)
            let all = try await Self.pull(bodies.count + 1, try await channel.consume(queue, prefetch: 100))
            for (delivery, body) in zip(all, bodies) { #expect(delivery.body == body) }
            #expect(all[0].headers.isEmpty && all[0].contentType == nil && all[0].replyTo == nil)
            let last = try #require(all.last)
            #expect(last.headers == headers)
            #expect(last.contentType == "application/json")
            #expect(last.replyTo == "answers" && last.correlationID == "c-1" && last.messageID == "m-1")
            await connection.close()
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func aDeletedQueueCancelsItsConsumer() async throws {
        try await withTestBroker { broker in
            let connection = try await broker.connect()
            let channel = try await connection.openChannel()
            let queue = broker.name("work")
            try await channel.declareQueue(queue, QueueArguments(.quorum))
            let deliveries = try await channel.consume(queue, prefetch: 10)
            let waiting = Task { () -> BrokerError.Code? in
                do throws(BrokerError) {
                    _ = try await deliveries.next(max: 1)
                    return nil
                } catch {
                    return error.code
                }
            }
            let other = try await connection.openChannel()
            try await other.deleteQueue(queue)
            #expect(await waiting.value == .consumerCancelled)
            #expect(channel.isOpen)
            await connection.close()
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func aCancelledPullLosesNothing() async throws {
        try await withTestBroker { broker in
            let connection = try await broker.connect()
            let channel = try await connection.openChannel()
            let queue = broker.name("work")
            try await channel.declareQueue(queue, QueueArguments(.classic))
            let deliveries = try await channel.consume(queue, prefetch: 10)
            let waiting = Task { try await deliveries.next(max: 10) }
            waiting.cancel()
            await #expect(throws: BrokerError.self) { _ = try await waiting.value }
            try await Self.publish(3, to: queue, on: connection)
            #expect(try await Self.pull(3, deliveries).count == 3)
            await connection.close()
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func rejectedMessagesAreDeadLetteredOrComeBack() async throws {
        try await withTestBroker { broker in
            let connection = try await broker.connect()
            let channel = try await connection.openChannel()
            let (queue, dead) = (broker.name("work"), broker.name("dead"))
            try await channel.declareQueue(dead, QueueArguments(.classic))
            var arguments = QueueArguments(.quorum)
            arguments.deadLetterExchange = ""
            arguments.deadLetterRoutingKey = dead
            try await channel.declareQueue(queue, arguments)
            try await Self.publish(1, to: queue, on: connection)
            let deliveries = try await channel.consume(queue, prefetch: 1)
            try await channel.reject(try await deliveries.next(max: 1)[0].tag, requeue: true)
            let again = try await deliveries.next(max: 1)[0]
            #expect(again.redelivered)
            try await channel.reject(again.tag, requeue: false)
            let dropped = try await channel.consume(dead, prefetch: 1)
            #expect(try await dropped.next(max: 1)[0].headers["x-first-death-reason"] == "rejected")
            await connection.close()
        }
    }
}
