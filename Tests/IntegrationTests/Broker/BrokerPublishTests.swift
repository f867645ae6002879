import Broker
import FleetTesting
import Testing

@Suite struct BrokerPublishTests {
    @Test(.timeLimit(.minutes(1)))
    func eachPublicationHasItsOwnOutcome() async throws {
        try await withTestBroker { broker in
            let connection = try await broker.connect()
            let channel = try await connection.openChannel()
            let queue = broker.name("work")
            try await channel.declareQueue(queue, QueueArguments(.quorum))
            let publisher = try await Publisher.open(on: connection, window: 3)
            let keys = [queue, "nowhere", queue, "nowhere", "elsewhere", queue, queue]
            let outcomes = try await publisher.publish(keys.map { Publication(routingKey: $0, body: [1, 2, 3]) })
            let noRoute = PublishOutcome.returned(code: 312, text: "NO_ROUTE")
            #expect(outcomes == [.confirmed, noRoute, .confirmed, noRoute, noRoute, .confirmed, .confirmed])
            let quiet = Publication(routingKey: "nowhere", body: [], mandatory: false)
            #expect(try await publisher.publish(quiet) == .confirmed)
            await connection.close()
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func manyCallersShareTheWindow() async throws {
        try await withTestBroker { broker in
            let connection = try await broker.connect()
            let channel = try await connection.openChannel()
            let queue = broker.name("work")
            try await channel.declareQueue(queue, QueueArguments(.classic))
            let publisher = try await Publisher.open(on: connection, window: 50)
            let confirmed = try await withThrowingTaskGroup(of: Int.self) { group in
                for caller in 0..<10 {
                    group.addTask {
                        let batch = (0..<200).map {
                            Publication(routingKey: queue, body: Array("\(caller) \($0)".utf8))
                        }
                        return try await publisher.publish(batch).count(where: \.isConfirmed)
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(confirmed == 2000)
            #expect(try await channel.queueStatus(queue).messages == 2000)
            #expect(try await channel.purgeQueue(queue) == 2000)
            await connection.close()
        }
    }

    /// More than the outbound buffer and the socket hold, so that writes are partial; then all of it must come back whole.
    @Test(.timeLimit(.minutes(1)))
    func aBurstLargerThanTheSocketsBufferArrivesWhole() async throws {
        try await withTestBroker { broker in
            let connection = try await broker.connect()
            let channel = try await connection.openChannel()
            let queue = broker.name("work")
            try await channel.declareQueue(queue, QueueArguments(.classic))
            let deliveries = try await channel.consume(queue, prefetch: 20)
            let publisher = try await Publisher.open(on: connection)
            let size = 300_000
            async let outcomes = publisher.publish(
                (0..<100).map {
                    Publication(routingKey: queue, body: Array(repeating: UInt8(truncatingIfNeeded: $0), count: size))
                }
            )
            // Acks go out on the same socket, between the publications.
            var next = 0
            while next < 100 {
                for delivery in try await deliveries.next(max: 5) {
                    #expect(delivery.body == Array(repeating: UInt8(truncatingIfNeeded: next), count: size))
                    try await channel.ack(AckSet(also: [delivery.tag]))
                    next += 1
                }
            }
            #expect(try await outcomes.allSatisfy(\.isConfirmed))
            await connection.close()
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func aFullQueueRefuses() async throws {
        try await withTestBroker { broker in
            let connection = try await broker.connect()
            let channel = try await connection.openChannel()
            let queue = broker.name("work")
            var arguments = QueueArguments(.classic)
            arguments.maxLength = 5
            try await channel.declareQueue(queue, arguments)
            let publisher = try await Publisher.open(on: connection, window: 1)
            let outcomes = try await publisher.publish((0..<8).map { _ in Publication(routingKey: queue, body: [0]) })
            #expect(outcomes == Array(repeating: .confirmed, count: 5) + Array(repeating: .nacked, count: 3))
            await connection.close()
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func aMissingExchangeClosesThePublishersChannelOnly() async throws {
        try await withTestBroker { broker in
            let connection = try await broker.connect()
            let publisher = try await Publisher.open(on: connection)
            let lost = Publication(exchange: "no such exchange", routingKey: "", body: [])
            #expect(try await publisher.publish([lost]) == [.unknown])
            let error = await #expect(throws: BrokerError.self) { try await publisher.publish([lost]) }
            #expect(error?.code == .notFound)
            #expect(!publisher.isOpen && connection.isOpen)
            _ = try await connection.openChannel()
            await connection.close()
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func whatAMQPCannotCarryIsRefusedBeforeItIsSent() async throws {
        try await withTestBroker { broker in
            let connection = try await broker.connect()
            let publisher = try await Publisher.open(on: connection)
            let long = String(repeating: "x", count: 256)
            for bad in [
                Publication(routingKey: long, body: []),
                Publication(
                    routingKey: "q",
                    body: [],
                    headers: ["big": .string(String(repeating: "x", count: 200_000))]
                ),
                Publication(routingKey: "q", body: [], headers: [long: 1]),
            ] {
                let error = await #expect(throws: BrokerError.self) { try await publisher.publish([bad]) }
                #expect(error?.code == .misuse)
            }
            #expect(publisher.isOpen)
            await connection.close()
        }
    }
}
