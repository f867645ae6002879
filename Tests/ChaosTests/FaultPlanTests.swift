import Testing

@testable import ChaosKit

@Suite struct FaultPlanTests {
    @Test func theSeedDecides() {
        #expect(FaultPlan(seed: 7, seconds: 300) == FaultPlan(seed: 7, seconds: 300))
        #expect(FaultPlan(seed: 7, seconds: 300).items != FaultPlan(seed: 8, seconds: 300).items)
    }

    @Test(arguments: 1...40) func aLongRunHasEnoughOfEveryKind(seed: UInt64) {
        let plan = FaultPlan(seed: seed, seconds: 300)
        #expect(plan.items.count >= 230)
        #expect(Set(plan.items.map(\.disturbance.kind)) == Set(FaultKind.allCases))
        for server in [Disturbance.Server.broker, .database] {
            #expect(plan.items.contains { $0.disturbance == .stop(server) && $0.length == 30_000 })
        }
        #expect(plan.items.map(\.number) == Array(1...plan.items.count))
    }

    @Test(arguments: 1...40) func aShortRunHasNoLongOutageAndMostKinds(seed: UInt64) {
        let plan = FaultPlan(seed: seed, seconds: 45)
        #expect(plan.items.count >= 20)
        #expect(plan.items.allSatisfy { $0.length < 30_000 })
        let light = Set(FaultKind.allCases.filter { !$0.isOutage })
        #expect(light.isSubset(of: Set(plan.items.map(\.disturbance.kind))))
    }

    /// The servers have come back and there was a pause before the next outage begins.
    @Test(arguments: 1...40) func outagesLeaveTheFleetAChance(seed: UInt64) {
        for seconds in [45, 300] {
            let outages = FaultPlan(seed: seed, seconds: seconds).items.filter(\.disturbance.kind.isOutage)
            for (item, next) in zip(outages, outages.dropFirst()) {
                let end = item.at + item.length + item.disturbance.kind.overhead
                #expect(next.at >= end + FaultPlan.pause)
            }
            let down = outages.reduce(0) { $0 + $1.length + $1.disturbance.kind.overhead }
            #expect(down < seconds * 1000)
        }
    }

    @Test(arguments: 1...40) func nothingBeginsOutsideTheRun(seed: UInt64) {
        let plan = FaultPlan(seed: seed, seconds: 60)
        #expect(plan.items.allSatisfy { (0..<60_000).contains($0.at) && $0.length >= 0 })
    }

    @Test func onlyWantedKindsComeUp() {
        let kinds: Set<FaultKind> = [.killWorker, .diskFull]
        #expect(Set(FaultPlan(seed: 3, seconds: 100, kinds: kinds).items.map(\.disturbance.kind)) == kinds)
        let alone = FaultPlan(seed: 3, seconds: 100, kinds: [.stopBroker])
        #expect(Set(alone.items.map(\.disturbance.kind)) == [.stopBroker])
    }

    /// Known values, so that a seed in a report means the same after an update of the compiler. SplitMix64's own.
    @Test func theNumbersAreTheSameEverywhere() {
        var random = SeededRandom(seed: 1_234_567)
        #expect(random.next() == 6_457_827_717_110_365_317)
        #expect(random.next() == 3_203_168_211_198_807_973)
    }
}
