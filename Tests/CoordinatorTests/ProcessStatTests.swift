import Testing

@testable import Coordinator

@Suite struct ProcessStatTests {
    @Test func readsPastANameWithParenthesesAndSpaces() throws {
        let text = "42 (a) b (c)) S 1 42 77 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 1000 1"
        let stat = try #require(ProcessStat(text: text))
        #expect(stat.session == 77)
        #expect(stat.startTime == 987_654)
        #expect(!stat.isZombie)
    }

    @Test func knowsAZombie() throws {
        let stat = try #require(ProcessStat(text: "42 (x) Z 1 42 42 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 5 0 0"))
        #expect(stat.isZombie)
    }

    @Test(arguments: ["", "42", "42 (x", "42 (x) S 1 2"]) func refusesWhatIsShort(text: String) {
        #expect(ProcessStat(text: text) == nil)
    }
}
