import Testing

@testable import Store

@Suite struct PipelineRunTests {
    typealias Run = PipelineRun<Int>
    let lost = StoreError(.unreachable, "lost", outcomeUnknown: true)

    /// Feeds the events; the last verdict's outcome, `nil` while more is expected.
    func outcome(_ steps: [Run.Step], _ events: [Run.Event]) -> Result<[Int], StoreError>? {
        var run = Run(steps)
        for event in events {
            if case .finished(let result) = run.received(event) { return result }
        }
        return nil
    }

    @Test func resultsComeInTheOrderOfTheStatementsAndPreparingHasNone() {
        let result = outcome(
            [.prepare("a"), .execute, .execute],
            [.result(0), .end, .result(1), .end, .result(2), .end, .sync])
        #expect(result == .success([1, 2]))
    }

    @Test func nothingIsCertainBeforeTheSync() {
        #expect(outcome([.execute], [.result(1), .end]) == nil)
        #expect(outcome([.execute], [.result(1), .end, .lost(lost)]) == .failure(lost))
    }

    @Test func theFirstErrorCounts() {
        let first = StoreError(.fenced, "first")
        let result = outcome(
            [.execute, .execute, .execute],
            [.result(1), .end, .failure(first), .end, .skipped, .end, .sync])
        #expect(result == .failure(first))
    }

    @Test func aConnectionLostAfterAnErrorLeavesNoDoubt() {
        let first = StoreError(.unreachable, "terminated by the administrator")
        #expect(outcome([.execute, .execute], [.failure(first), .lost(lost)]) == .failure(first))
    }

    @Test func anErrorInAnswerToTheSyncLeavesDoubtUnlessConfirmed() {
        let first = StoreError(.unreachable, "terminated by the administrator")
        let doubtful = StoreError(first.code, first.message, outcomeUnknown: true)
        #expect(outcome([.execute], [.result(1), .end, .failure(first), .lost(lost)]) == .failure(doubtful))
        #expect(outcome([.execute], [.result(1), .end, .failure(first), .sync]) == .failure(first))
    }

    @Test func onlyWhatTheServerAcceptedCountsAsPrepared() {
        var run = Run([.prepare("a"), .execute, .prepare("b"), .execute])
        let events: [Run.Event] = [
            .result(0), .end, .failure(StoreError(.fenced, "")), .end, .skipped, .end, .skipped, .end, .sync,
        ]
        for event in events { _ = run.received(event) }
        #expect(run.prepared == ["a"])
    }

    @Test(
        arguments: [
            [.end], [.result(1), .result(2)], [.result(1), .sync], [.skipped],
            [.result(1), .end, .result(2)], [.result(1), .end, .end],
        ] as [[Run.Event]])
    func anAnswerOutOfTurnEndsThePipelineInDoubt(_ events: [Run.Event]) throws {
        let result = try #require(outcome([.execute], events))
        guard case .failure(let error) = result else {
            Issue.record("accepted")
            return
        }
        #expect(error.code == .protocolViolation && error.outcomeUnknown && error.disposition == .reconnect)
    }
}
