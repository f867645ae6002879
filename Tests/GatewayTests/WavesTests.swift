import TelegramAPI
import Testing

@testable import Gateway

/// An update of a chat; `nil`: text that is no update, so nobody knows its chat.
func update(_ id: Int64, chat: Int64?) -> ReceivedUpdate {
    let text =
        chat.map { #"{"update_id":\#(id),"message":{"message_id":1,"chat":{"id":\#($0),"type":"private"}}}"# }
        ?? "{\"update_id\":\(id),\"message\":["
    return ReceivedUpdate(id: id, body: Array(text.utf8))
}

@Suite struct WavesTests {
    private func waves(_ chats: [Int64?]) -> [[Int64]] {
        let updates = chats.enumerated().map { PendingUpdate(update(Int64($0.offset), chat: $0.element)) }
        return Waves.split(updates).map { $0.map(\.update.id) }
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
            var waveOf: [Int64: Int] = [:]
            for (number, wave) in result.enumerated() { for id in wave { waveOf[id] = number } }
            for later in 0..<40 {
                for earlier in 0..<later
                where chats[earlier] == chats[later] || chats[earlier] == nil || chats[later] == nil {
                    #expect((waveOf[Int64(earlier)] ?? 0) < (waveOf[Int64(later)] ?? 0))
                }
            }
        }
    }
}
