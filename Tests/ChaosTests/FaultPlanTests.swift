import Testing

@testable import ChaosKit

@Suite struct FaultPlanTests {
    @Test func theSameSeedIsTheSamePlan() {
        #expect(FaultPlan(seed: 7, seconds: 300) == FaultPlan(seed: 7, seconds: 300))
        #expect(FaultPlan(seed: 7, seconds: 300).items != FaultPlan(seed: 8, seconds: 300).items)
    }
}
