import FleetModel
import Testing

@Suite struct DeadLetterFilterTests {
    private func filter() -> DeadLetterFilter {
        var filter = DeadLetterFilter(numbers: [3, 5], bot: BotID("shop"))
        filter.kind = .database
        filter.reason = "a=b & c"
        filter.since = Timestamp(milliseconds: 1000)
        filter.until = Timestamp(milliseconds: 2000)
        filter.replayed = false
        return filter
    }

    @Test func aQueryReadsAsItWasWritten() throws {
        for filter in [DeadLetterFilter(), filter()] {
            let items = Dictionary(uniqueKeysWithValues: filter.query.map { ($0.name, $0.value) })
            #expect(try DeadLetterFilter(query: { items[$0] }) == filter)
        }
        #expect(filter().query.count == 7)
    }

    @Test func whatMeansAllIsKnownAsThat() {
        var all = DeadLetterFilter()
        #expect(all.namesNoneInParticular)
        all.replayed = true
        #expect(all.namesNoneInParticular)
        all.reason = "x"
        #expect(!all.namesNoneInParticular)
    }

    @Test func mistakesAreNamed() {
        func problem(_ change: (inout DeadLetterFilter) -> Void) -> String? {
            var filter = filter()
            change(&filter)
            return filter.problem
        }
        #expect(problem { _ in } == nil)
        #expect(problem { $0.numbers = [] }?.contains("numbers") == true)
        #expect(problem { $0.numbers = [1, -1] }?.contains("numbers") == true)
        #expect(problem { $0.numbers = [Int64](1...1001) }?.contains("numbers") == true)
        #expect(problem { $0.reason = String(repeating: "x", count: 201) }?.contains("reason") == true)
        #expect(problem { $0.until = $0.since }?.contains("not before") == true)
        #expect(throws: DeadLetterFilter.Problem.self) { try DeadLetterFilter(query: { $0 == "bot" ? "A B" : nil }) }
    }
}
