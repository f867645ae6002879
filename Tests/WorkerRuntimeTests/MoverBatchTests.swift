import Broker
import FleetModel
import Testing

@testable import WorkerRuntime

@Suite struct MoverBatchTests {
    let layout = LaneLayout(bot: LaneFixture.bot, epoch: 3, lanes: 4)

    private func delivery(
        _ tag: UInt64, _ body: [UInt8], redelivered: Bool = false, headers: [String: AMQPValue] = [:]
    ) -> Delivery {
        Delivery(
            tag: tag, redelivered: redelivered, exchange: "", routingKey: "bot.shop", body: body, headers: headers)
    }

    private func update(_ id: UInt64, chat: Int64) -> Delivery { delivery(id, LaneFixture.body(Int64(id), chat: chat)) }

    @Test func everyUpdateGoesToItsLaneAndAChatKeepsItsOrder() {
        let chats: [Int64] = [10, 20, 10, 30, 10]
        let deliveries = chats.enumerated().map { update(UInt64($0.offset + 1), chat: $0.element) }
        let batch = MoverBatch(deliveries, layout: layout)
        #expect(batch.waves.map(\.count) == [3, 1, 1])
        #expect(batch.lastTag == 5)
        let lane = layout.lane(of: 10)
        for (wave, id) in zip(batch.waves, [1, 3, 5] as [Int64]) {
            let own = wave.filter { $0.body == LaneFixture.body(id, chat: 10) }
            #expect(own.map(\.routingKey) == ["bot.shop.3.\(lane.number)"])
            #expect(wave.allSatisfy { $0.persistent && $0.mandatory })
        }
    }

    @Test func whatCannotBeReadGoesToTheFirstLaneAndHoldsNobodyUp() {
        let batch = MoverBatch(
            [update(1, chat: 10), delivery(2, [0x7B]), delivery(3, []), update(4, chat: 20)], layout: layout)
        #expect(batch.waves.count == 1)
        let first = batch.waves[0].filter { $0.body.count < 2 }
        #expect(first.map(\.routingKey) == ["bot.shop.3.0", "bot.shop.3.0"])
        let alone = MoverBatch([delivery(1, [])], layout: layout)
        #expect(alone.waves.map(\.count) == [1])
    }

    @Test func sealsOfEpochsThatAreOverAreDropped() {
        let seal: [String: AMQPValue] = [FleetTopology.sealHeader: 2]
        let batch = MoverBatch([delivery(1, [], headers: seal), update(2, chat: 10)], layout: layout)
        #expect(batch.waves.map(\.count) == [1])
        #expect(batch.lastTag == 2)
        let wake = MoverBatch([delivery(1, [], headers: [FleetTopology.wakeHeader: true])], layout: layout)
        #expect(wake.waves.isEmpty && wake.lastTag == 1)
        let only = MoverBatch([delivery(1, [], headers: seal)], layout: layout)
        #expect(only.waves.isEmpty && only.lastTag == 1)
        // A seal that nobody can have made yet is only a message that cannot be read.
        let forged = MoverBatch([delivery(1, [], headers: [FleetTopology.sealHeader: 9])], layout: layout)
        #expect(forged.waves.map(\.count) == [1])
        #expect(forged.waves[0][0].headers[FleetTopology.sealHeader] == nil)
    }

    @Test func headersArePassedOnButNotTheBrokersOwn() {
        let headers: [String: AMQPValue] = [
            FleetTopology.replayHeader: 7, FleetTopology.receivedHeader: 1_700_000_000_000, "x-delivery-count": 2,
        ]
        let body = LaneFixture.body(1, chat: 10)
        let batch = MoverBatch([delivery(1, body, redelivered: true, headers: headers)], layout: layout)
        #expect(
            batch.waves[0][0].headers == [
                FleetTopology.replayHeader: 7, FleetTopology.receivedHeader: 1_700_000_000_000,
                FleetTopology.againHeader: true,
            ])
        let again = Arrival(
            delivery(1, body, headers: [FleetTopology.againHeader: true]))
        #expect(again.redelivered, "the lane asks the inbox before it runs it")
    }
}
