import FleetModel
import Store
import Testing

@testable import Coordinator

@Suite struct LayoutChangeTests {
    private func layout(_ epoch: Int32, _ lanes: Int, _ state: LaneLayout.State = .open) -> LaneLayout {
        LaneLayout(bot: FakeFleet.known("shop"), epoch: epoch, lanes: lanes, state: state)
    }

    private func next(
        _ layout: LaneLayout, wanted: Int, sealed: Int = 0, swept: Int32? = nil, left: [LaneLayout] = [],
        sealsAreOut: Bool = false
    ) -> LayoutChange {
        .next(
            LayoutState(
                layout: layout, wanted: wanted, sealed: sealed, sweptEpoch: swept ?? layout.epoch, left: left),
            sealsAreOut: sealsAreOut)
    }

    @Test func whatIsWantedStays() {
        #expect(next(layout(3, 4), wanted: 4) == .none)
        #expect(next(layout(3, 4), wanted: 4, sealed: 4, sealsAreOut: true) == .none)
    }

    @Test func anotherNumberClosesTheEpoch() { #expect(next(layout(3, 4), wanted: 1) == .close) }

    @Test func sealsGoOutOnceALife() {
        #expect(next(layout(3, 4, .closing), wanted: 1) == .seal)
        #expect(next(layout(3, 4, .closing), wanted: 1, sealed: 3) == .seal)
        #expect(next(layout(3, 4, .closing), wanted: 1, sealed: 3, sealsAreOut: true) == .wait(sealed: 3, of: 4))
    }

    @Test func theNextEpochOpensWhenAllAreSealed() {
        #expect(next(layout(3, 4, .closing), wanted: 9, sealed: 4) == .open(layout(4, 9)))
        #expect(next(layout(0, 1, .closing), wanted: 2, sealed: 1, sealsAreOut: true) == .open(layout(1, 2)))
    }

    /// Whoever changes his mind meanwhile gets what he wants last; an epoch that began to close ends.
    @Test func aClosingEpochEndsEvenIfItIsWantedAgain() {
        #expect(next(layout(3, 4, .closing), wanted: 4) == .seal)
        #expect(next(layout(3, 4, .closing), wanted: 4, sealed: 4) == .open(layout(4, 4)))
    }

    /// What is left of one change goes before the next begins.
    @Test func queuesOfEpochsThatAreOverGoFirst() {
        let left = [layout(1, 4), layout(2, 8)]
        #expect(next(layout(3, 4), wanted: 1, swept: 1, left: left) == .sweep(left))
        #expect(next(layout(3, 4), wanted: 4, swept: 2) == .sweep([]))
    }

    /// From any state the steps lead to what is wanted, also when each is done by a coordinator that knows nothing of the
    /// one before.
    @Test(arguments: [true, false]) func everyChangeComesToItsEnd(isForgetful: Bool) {
        for from in [1, 2, 7] {
            for to in [1, 2, 7] where from != to {
                var state = LayoutState(layout: layout(5, from), wanted: to, sweptEpoch: 5)
                var sealsAreOut = false
                var steps: [LayoutChange] = []
                while steps.count < 20 {
                    let change = LayoutChange.next(state, sealsAreOut: sealsAreOut)
                    steps.append(change)
                    switch change {
                    case .close: state.layout.state = .closing
                    case .seal:
                        sealsAreOut = !isForgetful
                        // The lanes work meanwhile.
                        if isForgetful { state.sealed += 1 }
                    case .wait: state.sealed += 1
                    case .open(let next):
                        state.left = [state.layout]
                        state.layout = next
                        state.sealed = 0
                    case .sweep:
                        state.sweptEpoch = state.layout.epoch
                        state.left = []
                    case .none: break
                    }
                    if change == .none { break }
                }
                #expect(steps.last == LayoutChange.none, "\(from) to \(to): \(steps)")
                #expect(state.layout == layout(6, to))
            }
        }
    }
}
