import Broker
import FleetControl
import FleetModel
import FleetTesting
import Store
import Testing

/// What a coordinator does about lanes, by hand.
extension WorkerFixture {
    /// A worker's full name from the short one that ``startWorker(_:)`` takes.
    func name(_ short: String) -> String { "\(bot)-\(short)" }

    /// Names owners and standbys of the present epoch's lanes, or of another epoch's. Number -1 is the mover.
    func assign(_ names: [Int32: (owner: String, standby: String?)], epoch: Int32 = 0) async throws {
        try await database.assignLanes(
            bot, epoch: epoch,
            names.map { number, who in
                LaneAssignment(
                    key: LaneKey(bot: bot, epoch: epoch, number: number), owner: name(who.owner),
                    standby: who.standby.map { name($0) })
            })
    }

    /// Closes the present epoch and opens the next one, as docs/decisions/0007-lanes.md says.
    func changeLanes(
        to lanes: Int, assigning names: [Int32: (owner: String, standby: String?)] = [:],
        within deadline: Duration = .seconds(60)
    ) async throws -> LaneLayout {
        let old = try await database.beginClosing(bot)
        let publisher = try await Publisher.open(on: link.connection())
        #expect(try await publisher.publishSeals(old) == [])
        await publisher.close()
        let isSealed = try await eventually(within: deadline) {
            try await database.sealedLanes(bot, epoch: old.epoch).count == old.lanes
        }
        #expect(isSealed, "epoch \(old.epoch) is not sealed")
        let next = LaneLayout(bot: bot, epoch: old.epoch + 1, lanes: lanes)
        let channel = try await link.connection().openChannel()
        try await channel.declareLanes(next, of: spec)
        if !names.isEmpty { try await assign(names, epoch: next.epoch) }
        #expect(try await database.openLayout(bot, epoch: next.epoch, lanes: lanes) == next)
        try await channel.deleteLanes(old)
        await channel.close()
        return next
    }

    /// Injects batches of 100 with consecutive ids from `first` until `isEnough`.
    /// - Returns: the last id.
    func inject(
        first: Int64, chats: Int64, batchesUntil isEnough: () async throws -> Bool
    ) async throws -> Int64 {
        var last = first - 1
        let isReached = try await eventually {
            try await inject(first: last + 1, count: 100, chats: chats)
            last += 100
            return try await isEnough()
        }
        #expect(isReached)
        return last
    }

    /// Owners of the lanes of an epoch, the mover aside, as far as they were claimed.
    func laneOwners(epoch: Int32 = 0) async throws -> Set<String> {
        let rows = try await database.lanes(of: bot).filter { $0.key.epoch == epoch && $0.key.number >= 0 }
        return Set(rows.map(\.owner.name))
    }

    /// The worker that holds a lane's row, and its term; `nil` before anybody claimed it.
    func holder(_ number: Int32, epoch: Int32 = 0) async throws -> (name: String, term: Int64)? {
        let key = LaneKey(bot: bot, epoch: epoch, number: number)
        return try await database.lanes(of: bot).first { $0.key == key }.map { ($0.owner.name, $0.term) }
    }

    /// Whether a queue is there.
    func exists(_ queue: String) async throws -> Bool {
        let channel = try await link.connection().openChannel()
        do throws(BrokerError) {
            _ = try await channel.queueStatus(queue)
            await channel.close()
            return true
        } catch {
            if error.code == .notFound { return false }
            throw error
        }
    }
}
