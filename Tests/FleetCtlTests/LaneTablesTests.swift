import FleetModel
import Testing

@testable import FleetCtlKit

@Suite struct LaneTablesTests {
    private func view(wanted: Int, _ lanes: LanesView, desired: BotSpec.DesiredState = .running) throws -> BotView {
        let id = try #require(BotID("shop"))
        return BotView(
            spec: BotSpec(id: id, behaviour: "echo", desired: desired, lanes: wanted, workers: 2), telegramID: 1,
            username: nil, backlog: 7, deadLetters: 0, workers: ["shop-1", "shop-2"], lanes: lanes,
            createdAt: Timestamp(milliseconds: 0))
    }

    @Test func aChangeSaysWhatItWaitsFor() throws {
        let closing = try view(wanted: 8, LanesView(epoch: 2, lanes: 4, state: .closing, sealed: 3))
        let table = FleetTables.bots([closing])
        #expect(table.contains("4→8"))
        #expect(table.hasSuffix("shop: closing epoch 2: 3 of 4 lanes sealed\n"))
        #expect(table.split(separator: "\n").allSatisfy { $0.count <= 80 })
        #expect(FleetTables.bot(closing).contains("4→8, closing epoch 2: 3 of 4 lanes sealed"))
    }

    @Test func aStoppedBotsChangeWaitsForItsStart() throws {
        let lanes = LanesView(epoch: 0, lanes: 1, state: .closing, sealed: 0)
        let table = FleetTables.bots([try view(wanted: 4, lanes, desired: .stopped)])
        #expect(table.hasSuffix("closing epoch 0: 0 of 1 lanes sealed; goes on when the bot runs\n"))
    }

    @Test func withoutAChangeThereIsNoLine() throws {
        let table = FleetTables.bots([try view(wanted: 4, LanesView(epoch: 2, lanes: 4, state: .open))])
        #expect(table.split(separator: "\n").count == 2)
        #expect(!table.contains("→"))
        let waiting = try view(wanted: 5, LanesView(epoch: 2, lanes: 4, state: .open))
        #expect(FleetTables.bots([waiting]).hasSuffix("shop: the change is about to begin\n"))
    }

    @Test func whoHasWhichLanes() throws {
        var lanes = LanesView(epoch: 2, lanes: 5, state: .open)
        lanes.places = [-1, 0, 1, 2, 3, 4].map {
            LanesView.Place(
                number: $0, owner: $0 == 3 ? "shop-1" : "shop-2", standby: $0 == 3 ? "shop-2" : "shop-1",
                holder: $0 == 4 ? "shop-1" : $0 == 3 ? "shop-1" : "shop-2")
        }
        let text = FleetTables.bot(try view(wanted: 5, lanes))
        // Lane 4 is still with its standby.
        #expect(text.contains("shop-1        3-4; stands by for mover, 0-2"))
        #expect(text.contains("shop-2        mover, 0-2; to get 4; stands by for 3"))
    }
}
