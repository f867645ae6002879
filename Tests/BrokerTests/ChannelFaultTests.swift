import Logging
import Testing

@testable import Broker

@Suite(.timeLimit(.minutes(1))) struct ChannelFaultTests {
    private let publication = Publication(routingKey: "q", body: [1, 2, 3])

    private func code<Value>(_ body: () async throws -> Value) async -> BrokerError.Code? {
        do {
            _ = try await body()
            return nil
        } catch {
            return (error as? BrokerError)?.code
        }
    }

    @Test func anAnswerThatNeverComesClosesTheChannelOnly() async throws {
        let fake = try FakeBroker { peer in
            try peer.logIn()
            try peer.openChannel()
            try peer.expect(Method.channelClose)
            try peer.send { $0.method(Method.channelCloseOk, channel: 1) }
            try peer.openChannel()
            peer.waitForTheEnd()
        }
        let connection = try await ConnectionFaultTests.open(
            try fake.configuration { $0.rpcTimeout = .milliseconds(300) }
        )
        let channel = try await connection.openChannel()
        #expect(await code { try await channel.declareQueue("q") } == .timeout)
        #expect(await code { try await channel.get("q") } == .timeout)
        #expect(!channel.isOpen && connection.isOpen)
        #expect(try await connection.openChannel().isOpen)
        await connection.close()
    }

    @Test func theBrokersReasonReachesEverybodyOnTheChannel() async throws {
        let fake = try FakeBroker { peer in
            try peer.logIn()
            try peer.openChannel()
            try peer.expect(Method.basicQos)
            try peer.send {
                $0.method(Method.basicQosOk, channel: 1)
                $0.method(Method.basicConsumeOk, channel: 1) { $0.put(short: "c0") }
            }
            try peer.expect(Method.queueDeclare)
            try peer.send { $0.close(Method.channelClose, channel: 1, code: 541, text: "INTERNAL_ERROR") }
            try peer.expect(Method.channelCloseOk)
            peer.waitForTheEnd()
        }
        let connection = try await ConnectionFaultTests.open(try fake.configuration())
        let channel = try await connection.openChannel()
        let deliveries = try await channel.consume("q", prefetch: 5)
        async let pulled = code { try await deliveries.next(max: 1) }
        let expected = BrokerError.Code.channelClosed(code: 541, text: "INTERNAL_ERROR")
        #expect(await code { try await channel.declareQueue("q") } == expected)
        #expect(await pulled == expected)
        #expect(await code { try await channel.ack(AckSet(upTo: 1)) } == expected)
        await connection.close()
    }

    /// A delivery that comes byte by byte, with a body of two frames, headers and all.
    @Test func framesMayComeInPieces() async throws {
        let body = (0..<1000).map { UInt8(truncatingIfNeeded: $0) }
        let fake = try FakeBroker { peer in
            try peer.logIn()
            try peer.openChannel()
            try peer.expect(Method.basicConsume)
            var writer = FrameWriter(frameMax: 508)
            writer.method(Method.basicQosOk, channel: 1)
            writer.method(Method.basicConsumeOk, channel: 1) { $0.put(short: "c0") }
            writer.method(Method.basicDeliver, channel: 1) {
                $0.put(short: "c0")
                $0.put(UInt64(42))
                $0.put(UInt8(1))
                $0.put(short: "exchange")
                $0.put(short: "key")
            }
            // The content of a publication is that of a delivery; its method is cut off.
            var content = FrameWriter(frameMax: 508)
            content.publication(
                Publication(routingKey: "", body: body, contentType: "t", headers: ["a": 1], messageID: "m"),
                channel: 1
            )
            for byte in writer.bytes + content.bytes[(8 + 4 + 5)...] { try peer.send(bytes: [byte]) }
            peer.waitForTheEnd()
        }
        let connection = try await ConnectionFaultTests.open(try fake.configuration())
        let channel = try await connection.openChannel()
        let delivery = try await channel.consume("q", prefetch: 5).next(max: 10)[0]
        #expect(delivery.tag == 42 && delivery.redelivered)
        #expect(delivery.exchange == "exchange" && delivery.routingKey == "key")
        #expect(delivery.body == body)
        #expect(delivery.contentType == "t" && delivery.headers == ["a": 1] && delivery.messageID == "m")
        #expect(delivery.header("a") == 1 && delivery.header("b") == nil)
        await connection.close()
    }

    @Test func aConfirmThatNeverComesLeavesTheOutcomeUnknown() async throws {
        let fake = try FakeBroker { peer in
            try peer.logIn()
            try peer.confirmMode()
            peer.waitForTheEnd()
        }
        let connection = try await ConnectionFaultTests.open(
            try fake.configuration { $0.confirmTimeout = .milliseconds(300) }
        )
        let publisher = try await Publisher.open(on: connection, window: 1)
        #expect(try await publisher.publish([publication, publication]) == [.unknown, .unsent])
        #expect(await code { try await publisher.publish([publication]) } == .timeout)
        #expect(!publisher.isOpen && connection.isOpen)
        await connection.close()
    }

    @Test func aLostConnectionLeavesTheOutcomeUnknown() async throws {
        let fake = try FakeBroker { peer in
            try peer.logIn()
            try peer.confirmMode()
            try peer.expect(Method.basicPublish)
            try peer.send {
                $0.method(Method.basicAck, channel: 1) {
                    $0.put(UInt64(1))
                    $0.put(UInt8(0))
                }
            }
            try peer.expect(Method.basicPublish)
        }
        let connection = try await ConnectionFaultTests.open(try fake.configuration())
        let publisher = try await Publisher.open(on: connection, window: 1)
        let outcomes = try await publisher.publish([publication, publication, publication])
        #expect(outcomes == [.confirmed, .unknown, .unsent])
        #expect(await connection.waitUntilClosed()?.code == .closed)
        #expect(await code { try await publisher.publish([publication]) } == .closed)
    }

    /// The broker blocks in the same segment that ends the login, and lets go later.
    @Test func aBlockedBrokerIsWaitedForUpToTheDeadline() async throws {
        let fake = try FakeBroker { peer in
            try peer.logIn { $0.method(Method.connectionBlocked, channel: 0) { $0.put(short: "low on memory") } }
            try peer.confirmMode()
            // This declaration stands for "let go now".
            try peer.expect(Method.queueDeclare)
            try peer.send {
                $0.method(Method.connectionUnblocked, channel: 0)
                $0.method(Method.queueDeclareOk, channel: 1) {
                    $0.put(short: "q")
                    $0.put(UInt32(0))
                    $0.put(UInt32(0))
                }
            }
            try peer.expect(Method.basicPublish)
            try peer.send {
                $0.method(Method.basicAck, channel: 1) {
                    $0.put(UInt64(1))
                    $0.put(UInt8(0))
                }
            }
            peer.waitForTheEnd()
        }
        let connection = try await ConnectionFaultTests.open(
            try fake.configuration { $0.confirmTimeout = .milliseconds(300) }
        )
        #expect(connection.isBlocked)
        let publisher = try await Publisher.open(on: connection)
        #expect(await code { try await publisher.publish([publication]) } == .blocked)
        #expect(publisher.isOpen)
        try await publisher.channel.declareQueue("q")
        #expect(!connection.isBlocked)
        #expect(try await publisher.publish([publication]) == [.confirmed])
        await connection.close()
    }

    @Test func closingAChannelIsBoundedWhenNobodyAnswers() async throws {
        let fake = try FakeBroker { peer in
            try peer.logIn()
            try peer.openChannel()
            peer.waitForTheEnd()
        }
        let connection = try await ConnectionFaultTests.open(
            try fake.configuration { $0.rpcTimeout = .milliseconds(200) }
        )
        let channel = try await connection.openChannel()
        await channel.close()
        #expect(!channel.isOpen)
        await connection.close()
    }
}
