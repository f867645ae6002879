import FleetModel
import Testing

@testable import Store

@Suite struct SettlementTests {
    func lane() throws -> LaneClaim {
        LaneClaim(
            id: 7, key: LaneKey(bot: try #require(BotID("a"))), term: 3, previousOwner: nil,
            claimedAt: Timestamp(milliseconds: 0))
    }

    @Test func emptyPartsAreNotSentAndTheFenceIsFirst() throws {
        var settlement = Settlement()
        #expect(settlement.isEmpty)
        settlement.settle(updateID: 1, as: .done)
        #expect(settlement.statements(for: try lane()).map(\.name) == ["settle.fence", "settle.inbox"])
        settlement.markSent(seq: 4)
        settlement.replay(updateID: 2)
        #expect(
            settlement.statements(for: try lane()).map(\.name) == [
                "settle.fence", "settle.inbox", "settle.replay", "settle.sent",
            ])
        #expect(settlement.updateCount == 2)
    }

    @Test func theLastStateOfAConversationCounts() throws {
        var settlement = Settlement()
        settlement.setSession(conversation: 1, state: [1])
        settlement.setSession(conversation: 2, state: nil)
        settlement.setSession(conversation: 1, state: nil)
        settlement.setSession(conversation: 2, state: [2])
        settlement.setSession(conversation: 2, state: [3])
        let names = settlement.statements(for: try lane()).map(\.name)
        #expect(names == ["settle.fence", "settle.session", "settle.forget"])
        #expect(settlement.sessionStates == [nil, [3]])
        #expect(settlement.deletedSessions == 1)
    }

    @Test func emptiedItIsLikeNew() throws {
        var settlement = Settlement()
        settlement.settle(updateID: 1, as: .dead)
        settlement.replay(updateID: 1)
        settlement.setSession(conversation: 1, state: nil)
        settlement.send(OutboxRow(seq: 1, updateID: nil, conversation: 1, method: "m", body: []))
        settlement.record(EventRow(conversation: nil, kind: "k", data: []))
        settlement.deadLetter(DeadLetterRow(updateID: nil, body: [], reason: "r", attempts: 1))
        settlement.markSent(seq: 1)
        #expect(!settlement.isEmpty)
        settlement.removeAll()
        #expect(settlement.isEmpty)
        #expect(settlement.statements(for: try lane()).count == 1)
        settlement.setSession(conversation: 1, state: [1])
        #expect(settlement.sessionStates == [[1]])
    }
}
