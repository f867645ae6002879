import Testing

@testable import Broker

/// Against bytes worked out by hand from AMQP 0-9-1, sections 2.3.5 and 4.2.
@Suite struct FrameWriterTests {
    private func bytes(frameMax: Int = 131_072, _ build: (inout FrameWriter) -> Void) -> [UInt8] {
        var writer = FrameWriter(frameMax: frameMax)
        build(&writer)
        return writer.bytes
    }

    @Test func aHeartbeat() {
        #expect(bytes { $0.heartbeat() } == [8, 0, 0, 0, 0, 0, 0, 0xCE])
    }

    @Test func acksOneMultipleAndTheRestSingly() {
        let encoded = bytes { $0.acks(AckSet(upTo: 0x0102, also: [0x0103, 0x0105, 0x0001]), channel: 3) }
        func ack(_ low: [UInt8], _ multiple: UInt8) -> [UInt8] {
            [1, 0, 3, 0, 0, 0, 13, 0, 60, 0, 80, 0, 0, 0, 0, 0, 0] + low + [multiple, 0xCE]
        }
        // The last one is covered by the multiple ack already.
        #expect(encoded == ack([1, 2], 1) + ack([1, 3], 0) + ack([1, 5], 0))
        #expect(bytes { $0.acks(AckSet(), channel: 3) }.isEmpty)
        // 0 with the multiple bit would acknowledge everything.
        #expect(bytes { $0.acks(AckSet(upTo: 0, also: [7]), channel: 3) } == ack([0, 7], 0))
    }

    @Test func aPublicationWithAllItsProperties() {
        let publication = Publication(
            exchange: "ex",
            routingKey: "key",
            body: [9, 8, 7],
            contentType: "a/b",
            headers: ["h": true],
            replyTo: "r",
            correlationID: "c",
            messageID: "m"
        )
        let method: [UInt8] = [1, 0, 1, 0, 0, 0, 14, 0, 60, 0, 40, 0, 0, 2, 101, 120, 3, 107, 101, 121, 1, 0xCE]
        let properties: [UInt8] =
            [0b1011_0110, 0b1000_0000] + [3, 97, 47, 98] + [0, 0, 0, 4, 1, 104, 116, 1] + [2] + [1, 99] + [1, 114] + [
                1, 109,
            ]
        let header: [UInt8] =
            [2, 0, 1, 0, 0, 0, UInt8(12 + properties.count), 0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3] + properties + [0xCE]
        let body: [UInt8] = [3, 0, 1, 0, 0, 0, 3, 9, 8, 7, 0xCE]
        #expect(bytes { $0.publication(publication, channel: 1) } == method + header + body)
    }

    @Test func aPlainPublicationCarriesNothingButItsMode() {
        let plain = Publication(routingKey: "", body: [], persistent: false, mandatory: false)
        let method: [UInt8] = [1, 0, 1, 0, 0, 0, 9, 0, 60, 0, 40, 0, 0, 0, 0, 0, 0xCE]
        let header: [UInt8] =
            [2, 0, 1, 0, 0, 0, 15, 0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0b0001_0000, 0, 1, 0xCE]
        #expect(bytes { $0.publication(plain, channel: 1) } == method + header)
    }

    @Test(arguments: [(0, []), (1, [1]), (92, [92]), (93, [92, 1]), (184, [92, 92]), (200, [92, 92, 16])])
    func bodiesAreCutToTheFramesTheBrokerTakes(size: Int, fragments: [Int]) throws {
        let body = (0..<size).map { UInt8(truncatingIfNeeded: $0) }
        var rest = bytes(frameMax: 100) { $0.publication(Publication(routingKey: "", body: body), channel: 1) }[...]
        var sizes: [Int] = []
        var collected: [UInt8] = []
        while !rest.isEmpty {
            let head = Array(rest.prefix(7))
            let length = head[3..<7].reduce(0) { $0 << 8 | Int($1) }
            #expect(length + 8 <= 100)
            let payload = rest.dropFirst(7).prefix(length)
            #expect(rest.dropFirst(7 + length).first == 0xCE)
            if head[0] == 3 {
                sizes.append(length)
                collected += payload
            }
            rest = rest.dropFirst(8 + length)
        }
        #expect(sizes == fragments && collected == body)
    }

    @Test func everyKindOfTableValue() {
        func table(_ value: AMQPValue) -> [UInt8] { Array(bytes { $0.put(table: ["k": value]) }.dropFirst(4 + 2)) }
        #expect(table(.bool(false)) == [116, 0])
        #expect(table(-2) == [108, 255, 255, 255, 255, 255, 255, 255, 254])
        #expect(table(.double(1)) == [100, 0x3F, 0xF0, 0, 0, 0, 0, 0, 0])
        #expect(table("ü") == [83, 0, 0, 0, 2, 0xC3, 0xBC])
        #expect(table(.bytes([5])) == [120, 0, 0, 0, 1, 5])
        #expect(table(.timestamp(1)) == [84, 0, 0, 0, 0, 0, 0, 0, 1])
        #expect(table(.decimal(scale: 2, value: 3)) == [68, 2, 0, 0, 0, 3])
        #expect(table(.array([true, .null])) == [65, 0, 0, 0, 3, 116, 1, 86])
        #expect(table(.table(["a": .null])) == [70, 0, 0, 0, 3, 1, 97, 86])
        #expect(bytes { $0.put(table: [:]) } == [0, 0, 0, 0])
    }

    @Test func queueArgumentsSuitBothKinds() {
        var quorum = QueueArguments(.quorum)
        quorum.deadLetterExchange = "dead"
        quorum.singleActiveConsumer = true
        #expect(
            quorum.table == [
                "x-queue-type": "quorum", "x-overflow": "reject-publish", "x-delivery-limit": 1_000_000,
                "x-dead-letter-exchange": "dead", "x-dead-letter-strategy": "at-least-once",
                "x-single-active-consumer": true,
            ]
        )
        var classic = QueueArguments(.classic)
        classic.deadLetterExchange = "dead"
        classic.maxLength = 9
        #expect(
            classic.table == [
                "x-queue-type": "classic", "x-overflow": "reject-publish", "x-max-length": 9,
                "x-dead-letter-exchange": "dead",
            ]
        )
    }
}
