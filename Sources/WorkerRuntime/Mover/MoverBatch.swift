import Broker
import FleetControl
import FleetModel

/// What a mover makes of a batch from the intake: publications into the lanes, in waves.
struct MoverBatch {
    private struct Item {
        let publication: Publication
        let conversation: Int64?
    }

    /// Each is published when all of the one before is confirmed.
    private(set) var waves: [[Publication]]
    /// Everything of the batch may be acked once the waves are confirmed.
    let lastTag: UInt64?

    init(_ deliveries: [Delivery], layout: LaneLayout) {
        var items: [Item] = []
        var unreadable: [Publication] = []
        items.reserveCapacity(deliveries.count)
        for delivery in deliveries {
            let seal = delivery.header(FleetTopology.sealHeader)?.integer
            // It ended an epoch that had one lane, and was met by its owner.
            if let seal, seal <= Int64(layout.epoch) { continue }
            // It was meant for the owner of an epoch that had one lane.
            if delivery.header(FleetTopology.wakeHeader) == .bool(true) { continue }
            do throws(UpdateError) {
                let conversation = try UpdateEnvelope(body: delivery.body).conversation
                let lane = layout.lane(of: conversation)
                items.append(
                    Item(publication: Publication(moving: delivery, to: lane, layout), conversation: conversation))
            } catch {
                // Lane 0 writes it to the dead letters. It belongs to no chat, so it waits for nobody.
                let first = LaneKey(bot: layout.bot, epoch: layout.epoch, number: 0)
                unreadable.append(Publication(moving: delivery, to: first, layout))
            }
        }
        waves = Waves.split(items, by: \.conversation).map { $0.map(\.publication) }
        if waves.isEmpty, !unreadable.isEmpty { waves = [[]] }
        if !unreadable.isEmpty { waves[0] += unreadable }
        lastTag = deliveries.last?.tag
    }
}

extension Publication {
    /// The same message for a lane's queue, with its headers; those that the broker set itself are left out, and a seal
    /// of no epoch there is.
    fileprivate init(moving delivery: Delivery, to lane: LaneKey, _ layout: LaneLayout) {
        self.init(
            routingKey: FleetTopology.queue(of: lane, laneCount: layout.lanes),
            body: delivery.body,
            contentType: delivery.contentType,
            headers: delivery.headers.filter { !Self.notMoved.contains($0.key) },
            messageID: delivery.messageID
        )
        if delivery.redelivered { headers[FleetTopology.againHeader] = true }
    }

    private static let notMoved: Set<String> = ["x-delivery-count", "x-acquired-count", FleetTopology.sealHeader]
}
