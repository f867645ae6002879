import Broker
import TelegramAPI
import Testing

@testable import Gateway

@Suite struct WebhookLineStateTests {
    private var state = WebhookLineState()

    private mutating func arrive(_ requests: ClosedRange<Int>, chats: [Int64?]) {
        for (request, chat) in zip(requests, chats) {
            state.arrived(request, PendingUpdate(update(Int64(request), chat: chat)))
        }
    }

    private mutating func next() -> [Int64]? { state.next()?.map(\.id) }

    /// `+3` for a request answered with yes, `-3` for one with no.
    private mutating func settled(_ outcomes: [PublishOutcome]?) -> [Int] {
        state.settled(outcomes).map { $0.isTaken ? $0.request : -$0.request }
    }

    @Test mutating func ofAConversationOneIsOutAtATime() {
        arrive(1...5, chats: [1, 2, 1, 1, 3])
        #expect(next() == [1, 2, 5])
        #expect(next() == nil)
        arrive(6...6, chats: [2])
        #expect(next() == nil)
        #expect(settled([.confirmed, .confirmed, .confirmed]) == [1, 2, 5])
        #expect(next() == [3, 6])
        #expect(settled([.confirmed, .confirmed]) == [3, 6])
        #expect(next() == [4])
        #expect(settled([.confirmed]) == [4])
        #expect(next() == nil && state.isIdle)
    }

    @Test(arguments: [PublishOutcome.nacked, .returned(code: 312, text: "NO_ROUTE"), .unknown, .unsent])
    mutating func whatStandsBehindARefusedOneIsRefusedWithIt(_ outcome: PublishOutcome) {
        arrive(1...5, chats: [1, 2, 1, 2, 1])
        #expect(next() == [1, 2])
        #expect(settled([outcome, .confirmed]) == [-1, 2, -3, -5])
        #expect(next() == [4])
    }

    @Test mutating func nothingSentRefusesAllOfTheWave() {
        arrive(1...3, chats: [1, 2, 3])
        #expect(next() == [1, 2, 3])
        arrive(4...5, chats: [3, 4])
        #expect(settled(nil) == [-1, -2, -3, -4])
        #expect(next() == [5])
    }

    @Test mutating func oneOfAnUnknownConversationStandsBetweenAllOthers() {
        arrive(1...4, chats: [1, nil, 2, 1])
        #expect(next() == [1])
        #expect(settled([.confirmed]) == [1])
        #expect(next() == [2])
        #expect(settled([.nacked]) == [-2, -3, -4])
        #expect(state.isIdle)
        arrive(5...8, chats: [1, 2, nil, 3])
        #expect(next() == [5, 6])
        // 7 may be of 5's conversation, and 8 of 7's.
        #expect(settled([.nacked, .confirmed]) == [-5, 6, -7, -8])
    }

    @Test mutating func whatNobodyWaitsForIsNotPublished() {
        arrive(1...3, chats: [1, 1, 1])
        #expect(next() == [1])
        state.gaveUp(1)
        state.gaveUp(2)
        #expect(settled([.confirmed]) == [1])
        #expect(next() == [3])
    }

    @Test mutating func aBatchIsBounded() {
        arrive(1...250, chats: (1...250).map { Int64($0) })
        #expect(next()?.count == WebhookLineState.batch)
        #expect(settled(Array(repeating: .confirmed, count: 100)).count == 100)
        #expect(next()?.first == 101)
    }
}
