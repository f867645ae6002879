import FleetModel
import Store
import Testing

@testable import WorkerRuntime

@Suite struct LaneSetTests {
    static let bot = LaneFixture.bot
    private func layout(_ epoch: Int32 = 0, lanes: Int, _ state: LaneLayout.State = .open) -> LaneLayout {
        LaneLayout(bot: Self.bot, epoch: epoch, lanes: lanes, state: state)
    }

    private func assign(_ layout: LaneLayout, _ names: [Int32: (String, String?)]) -> LanePlan {
        LanePlan(
            layout: layout,
            assignments: names.map {
                LaneAssignment(
                    key: LaneKey(bot: Self.bot, epoch: layout.epoch, number: $0.key), owner: $0.value.0,
                    standby: $0.value.1)
            })
    }

    private func key(_ epoch: Int32, _ number: Int32) -> LaneKey {
        LaneKey(bot: Self.bot, epoch: epoch, number: number)
    }

    @Test func withoutAssignmentsAWorkerServesEverything() {
        var set = LaneSet(worker: "a")
        #expect(set.isChanging, "nothing is known yet")
        let one = layout(lanes: 1)
        #expect(set.planned(LanePlan(layout: one)) == [.start(key(0, 0), one, .unassigned)])
        #expect(!set.isWatched && !set.isChanging)
        var several = LaneSet(worker: "a")
        let two = layout(lanes: 2)
        #expect(
            several.planned(LanePlan(layout: two)) == [
                .start(key(0, -1), two, .unassigned), .start(key(0, 0), two, .unassigned),
                .start(key(0, 1), two, .unassigned),
            ])
        #expect(several.isWatched && !several.isChanging)
        #expect(several.planned(LanePlan(layout: two)) == [], "the same plan changes nothing")
    }

    @Test func aWorkerServesWhatItOwnsAndWhatItIsTheStandbyOf() {
        var set = LaneSet(worker: "a")
        let three = layout(lanes: 3)
        let plan = assign(three, [-1: ("b", "c"), 0: ("a", "b"), 1: ("b", "a"), 2: ("b", nil)])
        #expect(
            set.planned(plan) == [.start(key(0, 0), three, .owner), .start(key(0, 1), three, .standby)])
        let moved = assign(three, [-1: ("a", nil), 0: ("b", nil), 1: ("a", "b"), 2: ("b", nil)])
        #expect(
            set.planned(moved) == [
                .leave(key(0, 0)), .assign(key(0, 1), .owner), .start(key(0, -1), three, .owner),
            ])
    }

    @Test func oneThatLeavesStartsAgainOnlyWhenItHasLeft() {
        var set = LaneSet(worker: "a")
        let one = layout(lanes: 1)
        let mine = assign(one, [0: ("a", nil)])
        _ = set.planned(mine)
        #expect(set.planned(assign(one, [0: ("b", nil)])) == [.leave(key(0, 0))])
        #expect(set.planned(mine) == [])
        #expect(!set.isEmpty)
        #expect(set.ended(key(0, 0), .left) == [.start(key(0, 0), one, .owner)])
    }

    @Test func aClosingLayoutHasNoMoverAndASealedLaneIsNotServedAgain() {
        var set = LaneSet(worker: "a")
        let two = layout(lanes: 2)
        _ = set.planned(LanePlan(layout: two))
        #expect(set.planned(LanePlan(layout: layout(lanes: 2, .closing))) == [.leave(key(0, -1))])
        #expect(set.isChanging)
        #expect(set.ended(key(0, -1), .left) == [])
        #expect(set.ended(key(0, 0), .over) == [])
        #expect(set.planned(LanePlan(layout: layout(lanes: 2, .closing))) == [])
        let next = layout(1, lanes: 1)
        #expect(
            set.planned(LanePlan(layout: next)) == [.leave(key(0, 1)), .start(key(1, 0), next, .unassigned)])
        #expect(!set.isChanging)
        #expect(set.ended(key(0, 1), .over) == [])
        #expect(!set.isChanging, "what is over of an earlier epoch is not waited for")
    }

    @Test func whatIsOverBeforeThePlanSaysSoIsWaitedFor() {
        var set = LaneSet(worker: "a")
        let one = layout(lanes: 1)
        _ = set.planned(LanePlan(layout: one))
        #expect(set.ended(key(0, 0), .over) == [])
        #expect(set.isChanging)
        #expect(set.planned(LanePlan(layout: one)) == [], "read before the change")
        let next = layout(1, lanes: 2)
        #expect(set.planned(LanePlan(layout: next)).count == 3)
        #expect(set.planned(LanePlan(layout: one)) == [], "a plan that comes late changes nothing")
    }

    @Test func drainingLetsEverythingGoForGood() {
        var set = LaneSet(worker: "a")
        let one = layout(lanes: 1)
        _ = set.planned(LanePlan(layout: one))
        #expect(set.drain() == [.leave(key(0, 0))])
        #expect(set.planned(LanePlan(layout: layout(1, lanes: 4))) == [])
        #expect(set.ended(key(0, 0), .left) == [])
        #expect(set.isEmpty)
    }
}

@Suite struct HandOverTests {
    @Test func aStandbyLeavesWhenTheOwnerSubscribedAfterIt() {
        let handOver = HandOver(before: 3)
        #expect(!handOver.isDue(.standby, now: 3), "the owner stood before it")
        #expect(handOver.isDue(.standby, now: 4))
        #expect(!handOver.isDue(.standby, now: 0), "another owner is named, and is not there yet")
    }

    @Test(arguments: [LaneDuty.owner, .unassigned]) func anOwnerStays(_ duty: LaneDuty) {
        #expect(!HandOver(before: 0).isDue(duty, now: 9))
    }
}
