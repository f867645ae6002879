import FleetControl
import Testing

@Suite struct WavesTests {
    private func waves(_ chats: [Int64?]) -> [[Int]] {
        Waves.split(chats.enumerated().map { (place: $0.offset, chat: $0.element) }, by: \.chat)
            .map { $0.map(\.place) }
    }

    @Test func noConversationIsTwiceInAWave() {
        #expect(waves([1, 2, 1, 1, 3, 2]) == [[0, 1, 4], [2, 5], [3]])
        #expect(waves([]) == [])
    }

    @Test func anUpdateOfUnknownConversationStandsBetweenAllOthers() {
        #expect(waves([1, 2, nil, 1, 3, nil, nil, 2]) == [[0, 1], [2], [3, 4], [5], [6], [7]])
        #expect(waves([nil]) == [[0]])
    }

    @Test func whateverTheUpdatesAllOfAConversationKeepTheirOrder() {
        for _ in 0..<200 {
            let chats = (0..<40).map { _ in Int.random(in: 0...6) }.map { $0 == 0 ? nil : Int64($0) }
            let result = waves(chats)
            #expect(result.flatMap { $0 }.sorted() == Array(0..<40))
            var waveOf: [Int: Int] = [:]
            for (number, wave) in result.enumerated() { for place in wave { waveOf[place] = number } }
            for later in 0..<40 {
                for earlier in 0..<later
                where chats[earlier] == chats[later] || chats[earlier] == nil || chats[later] == nil {
                    #expect((waveOf[earlier] ?? 0) < (waveOf[later] ?? 0))
                }
            }
        }
    }
}
