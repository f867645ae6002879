import FleetModel
import Testing

@testable import Coordinator

/// Fleets that come and go at random, but the same in every run.
@Suite struct LanePlacementTests {
    typealias Places = [Int32: LanePlacement.Place]

    struct Seeded: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var x = state
            x = (x ^ (x >> 30)) &* 0xBF58_476D_1CE4_E5B9
            x = (x ^ (x >> 27)) &* 0x94D0_49BB_1331_11EB
            return x ^ (x >> 31)
        }
    }

    private func layout(_ lanes: Int) -> LaneLayout { LaneLayout(bot: FakeFleet.known("shop"), lanes: lanes) }
    private func workers(_ count: Int) -> [String] { (0..<count).map { "shop-\($0 + 1)" } }
    private func place(_ lanes: Int, _ workers: [String], _ present: Places = [:]) -> Places {
        LanePlacement(layout(lanes), workers: workers, present: present).places
    }

    private func loads(_ places: Places, _ workers: [String]) -> [Int] {
        workers.map { worker in places.count { $0.key >= 0 && $0.value.owner == worker } }
    }

    private func expectSound(_ places: Places, _ lanes: Int, _ workers: [String], _ note: Comment) {
        let numbers = Set(0..<Int32(lanes)).union(lanes > 1 ? [LaneLayout.moverNumber] : [])
        #expect(Set(places.keys) == numbers, note)
        for place in places.values {
            #expect(workers.contains(place.owner), note)
            #expect(place.standby != place.owner, note)
            #expect((place.standby == nil) == (workers.count == 1), note)
            if let standby = place.standby { #expect(workers.contains(standby), note) }
        }
        let loads = loads(places, workers)
        #expect((loads.max() ?? 0) - (loads.min() ?? 0) <= 1, note)
    }

    @Test func noWorkersNoPlaces() { #expect(place(4, []).isEmpty) }

    @Test func oneWorkerHasEverythingAndNobodyStandsBy() {
        let places = place(4, ["shop-1"])
        #expect(places.count == 5)
        #expect(places.values.allSatisfy { $0 == .init(owner: "shop-1", standby: nil) })
    }

    @Test func oneLaneHasNoMover() {
        #expect(place(1, workers(3)).keys.map { $0 } == [0])
    }

    /// The order of the names, and where they come from, do not matter; and nothing changes when nothing changed.
    @Test(arguments: 0..<50 as Range<UInt64>) func itIsDeterministicAndStable(seed: UInt64) {
        var random = Seeded(state: seed)
        let lanes = Int.random(in: 1...64, using: &random)
        let names = workers(Int.random(in: 1...20, using: &random))
        let places = place(lanes, names)
        expectSound(places, lanes, names, "seed \(seed)")
        #expect(place(lanes, names.shuffled(using: &random)) == places)
        #expect(place(lanes, names, places) == places)
    }

    /// Over any history: in balance, and no lane moves that need not.
    @Test(arguments: 0..<40 as Range<UInt64>) func onlyWhatMustMoveMoves(seed: UInt64) {
        var random = Seeded(state: seed)
        let lanes = Int.random(in: 1...48, using: &random)
        let all = workers(12)
        var present: Places = [:]
        var live = Array(all.shuffled(using: &random).prefix(Int.random(in: 1...6, using: &random)))
        for step in 0..<30 {
            if live.count == 1 || (live.count < all.count && Bool.random(using: &random)) {
                let others = all.filter { !live.contains($0) }
                live.append(others[Int.random(in: 0..<others.count, using: &random)])
            } else {
                live.remove(at: Int.random(in: 0..<live.count, using: &random))
            }
            let next = place(lanes, live, present)
            expectSound(next, lanes, live, "seed \(seed), step \(step)")
            let moved = (0..<Int32(lanes)).count { present[$0] != nil && present[$0]?.owner != next[$0]?.owner }
            #expect(moved == least(lanes, live, present), "seed \(seed), step \(step)")
            if let mover = present[-1]?.owner, live.contains(mover) { #expect(next[-1]?.owner == mover) }
            present = next
        }
    }

    /// How many lanes must change hands at the least: those without an owner, and what is over everybody's share when
    /// those that have most get the larger shares.
    private func least(_ lanes: Int, _ live: [String], _ present: Places) -> Int {
        if present.isEmpty { return 0 }
        let kept = loads(present, live).sorted(by: >)
        let (share, rest) = lanes.quotientAndRemainder(dividingBy: live.count)
        let stay = kept.enumerated().reduce(0) { $0 + min($1.element, share + ($1.offset < rest ? 1 : 0)) }
        return lanes - stay
    }

    /// When an owner dies its lanes go, as far as there is room, to those that have taken them over already.
    @Test(arguments: 0..<20 as Range<UInt64>) func theStandbyBecomesTheOwnerWhereThereIsRoom(seed: UInt64) {
        let names = workers(4)
        let lanes = 64
        let before = place(lanes, names)
        let gone = names[Int(seed % 4)]
        let rest = names.filter { $0 != gone }
        let after = place(lanes, rest, before)
        let orphans = before.filter { $0.key >= 0 && $0.value.owner == gone }
        let taken = orphans.count { after[$0.key]?.owner == $0.value.standby }
        // The shares are full before every standby has got all of its lanes, but never before one of them has its share.
        for worker in rest {
            let standingBy = orphans.count { $0.value.standby == worker }
            let got = orphans.count { $0.value.standby == worker && after[$0.key]?.owner == worker }
            let room = loads(after, [worker])[0] - loads(before, [worker])[0]
            #expect(got == min(standingBy, room))
        }
        #expect(taken > 0)
    }

    /// Bots with as many lanes and workers do not all burden the same worker.
    @Test func botsAreSpreadDifferently() {
        var owners: Set<String> = []
        for number in 0..<40 {
            let layout = LaneLayout(bot: FakeFleet.known("bot\(number)"))
            owners.insert(LanePlacement(layout, workers: workers(4)).places[0]?.owner ?? "")
        }
        #expect(owners == Set(workers(4)))
    }

    @Test func thoseWhosePlaceChangesAreTold() {
        let before = place(4, workers(2))
        #expect(LanePlacement(layout(4), workers: workers(2), present: before).touched(since: before).isEmpty)
        let after = LanePlacement(layout(4), workers: ["shop-1"], present: before)
        #expect(after.touched(since: before) == ["shop-1", "shop-2"])
    }
}
