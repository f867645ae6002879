import Testing

@testable import Broker

@Suite struct DeliveryBufferTests {
    private func deliveries(_ tags: ClosedRange<UInt64>) -> [Delivery] {
        tags.map { Delivery(tag: $0, routingKey: "q", body: []) }
    }

    private func tags(_ take: DeliveryBuffer<Int>.Take) -> [UInt64]? {
        if case .ready(let deliveries) = take { deliveries.map(\.tag) } else { nil }
    }

    private func code(_ take: DeliveryBuffer<Int>.Take) -> BrokerError.Code? {
        if case .failed(let error) = take { error.code } else { nil }
    }

    @Test func whatIsHereIsHandedOverInOrder() {
        var buffer = DeliveryBuffer<Int>()
        #expect(buffer.append(deliveries(1...5)) == nil)
        #expect(tags(buffer.take(max: 2)) == [1, 2])
        #expect(tags(buffer.wait(0, max: 10)) == [3, 4, 5])
        #expect(buffer.count == 0)
    }

    @Test func theWaiterGetsItsShareAndTheRestStays() {
        var buffer = DeliveryBuffer<Int>()
        guard case .empty = buffer.wait(7, max: 2) else {
            Issue.record("nothing to hand over")
            return
        }
        let woken = buffer.append(deliveries(1...3))
        #expect(woken?.waiter == 7 && woken?.deliveries.map(\.tag) == [1, 2])
        #expect(tags(buffer.take(max: 9)) == [3])
    }

    @Test func aSecondWaiterIsMisuse() {
        var buffer = DeliveryBuffer<Int>()
        _ = buffer.wait(1, max: 1)
        #expect(code(buffer.wait(2, max: 1)) == .misuse)
        #expect(buffer.append(deliveries(1...1))?.waiter == 1)
    }

    @Test func theEndDropsWhatCannotBeAcknowledged() {
        var buffer = DeliveryBuffer<Int>()
        _ = buffer.append(deliveries(1...3))
        #expect(buffer.finish(.closedByUs) == nil)
        #expect(buffer.finish(.cancelled) == nil)
        #expect(code(buffer.take(max: 1)) == .closed && buffer.count == 0)
        #expect(buffer.append(deliveries(4...4)) == nil && buffer.count == 0)
        var waiting = DeliveryBuffer<Int>()
        _ = waiting.wait(3, max: 1)
        #expect(waiting.finish(.closedByUs) == 3)
    }

    @Test func whoWasServedCannotBeForgotten() {
        var buffer = DeliveryBuffer<Int>()
        _ = buffer.wait(1, max: 1)
        #expect(!buffer.forget { $0 == 2 } && buffer.forget { $0 == 1 } && !buffer.forget { $0 == 1 })
        _ = buffer.wait(3, max: 1)
        _ = buffer.append(deliveries(1...1))
        #expect(!buffer.forget { $0 == 3 })
    }
}

@Suite struct HeartbeatClockTests {
    @Test func itSendsAtHalfTheIntervalAndGivesUpAfterTwo() {
        let start = ContinuousClock.now
        var clock = HeartbeatClock(interval: .seconds(10), now: start)
        #expect(clock.next == start + .seconds(5))
        #expect(clock.action(at: start + .seconds(4)) == .none)
        #expect(clock.action(at: start + .seconds(5)) == .send)
        clock.sent(at: start + .seconds(5))
        clock.sent(at: start + .seconds(15))
        #expect(clock.next == start + .seconds(20))
        #expect(clock.action(at: start + .seconds(19)) == .none)
        #expect(clock.action(at: start + .seconds(20)) == .peerIsDead)
        clock.received(at: start + .seconds(19))
        #expect(clock.action(at: start + .seconds(20)) == .send)
    }
}

@Suite struct ChannelIDsTests {
    @Test func numbersAreReusedOnlyWhenGivenBack() {
        var ids = ChannelIDs(max: 2)
        #expect(ids.take() == 1 && ids.take() == 2 && ids.take() == nil)
        ids.giveBack(1)
        #expect(ids.take() == 1 && ids.take() == nil)
        var none = ChannelIDs(max: 0)
        #expect(none.take() == nil)
        var all = ChannelIDs(max: .max)
        for _ in 0..<65_535 { _ = all.take() }
        #expect(all.take() == nil)
    }
}

@Suite struct BrokerErrorTests {
    @Test func theBrokersCodesBecomeCases() {
        let codes: [UInt16: BrokerError.Code] = [
            403: .accessRefused, 404: .notFound, 405: .locked, 406: .preconditionFailed,
            541: .channelClosed(code: 541, text: "T"),
        ]
        for (code, expected) in codes {
            let error = BrokerError.channelClosed(by: code, text: "T")
            #expect(error.code == expected && error.description == "RabbitMQ closed the channel: T (\(code))")
        }
    }
}

@Suite struct DigestTests {
    private func digest(_ exchange: String = "e", _ key: String = "k", _ body: [UInt8] = [1, 2, 3]) -> UInt64 {
        Digest.of(exchange: exchange, routingKey: key, messageID: nil, correlationID: nil, body: body)
    }

    @Test func whateverDiffersDiffers() {
        let bodies =
            (0..<40).map { [UInt8](repeating: 0, count: $0) } + (1..<40).map { [UInt8](repeating: 1, count: $0) }
        #expect(Set(bodies.map { digest("e", "k", $0) }).count == bodies.count)
        #expect(digest("e", "k") == digest("e", "k"))
        #expect(digest("ek", "") != digest("e", "k") && digest("", "ek") != digest("e", "k"))
    }
}

@Suite struct AckPlannerTests {
    @Test func aMultipleAckNamesADeliveryThatIsStillOut() {
        var planner = AckPlanner()
        #expect(planner.plan(AckSet(also: [3, 5])) == AckSet(also: [3, 5]))
        // 1 and 2 are out, 3 is not: naming 3 would close the channel.
        #expect(planner.plan(AckSet(upTo: 3)) == AckSet(upTo: 2))
        #expect(planner.plan(AckSet(upTo: 5, also: [5, 4, 7])) == AckSet(upTo: 4, also: [7]))
        #expect(planner.plan(AckSet(upTo: 7)) == AckSet(upTo: 6))
    }

    @Test func whatIsSettledIsLeftOut() {
        var planner = AckPlanner()
        #expect(planner.plan(AckSet(upTo: 4)) == AckSet(upTo: 4))
        #expect(planner.plan(AckSet(upTo: 4, also: [4, 2])) == AckSet())
        #expect(planner.plan(AckSet(upTo: 3)) == AckSet())
        #expect(planner.plan(AckSet(also: [6, 6])) == AckSet(also: [6]))
        let (again, fresh) = (planner.settle(6), planner.settle(5))
        #expect(!again && fresh)
        #expect(planner.plan(AckSet(upTo: 6)) == AckSet())
        #expect(planner.plan(AckSet(upTo: 9)) == AckSet(upTo: 9))
    }

    @Test func singlesInOrderLeaveNothingToCover() {
        var planner = AckPlanner()
        for tag in 1...1000 as ClosedRange<UInt64> {
            let fresh = planner.settle(tag)
            #expect(fresh)
        }
        #expect(planner.plan(AckSet(upTo: 1000)) == AckSet())
        #expect(planner.plan(AckSet(upTo: 1001)) == AckSet(upTo: 1001))
    }
}
