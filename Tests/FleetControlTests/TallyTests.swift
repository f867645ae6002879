import FleetControl
import FleetModel
import Testing

@Suite struct TallyTests {
    let first = WorkerIdentity(name: "a-1", incarnation: Incarnation(rawValue: "0000000000000001"))
    let second = WorkerIdentity(name: "b-1", incarnation: Incarnation(rawValue: "0000000000000002"))

    private func tally() -> Tally {
        Tally(
            generation: 7,
            expected: [second, first].map { Tally.Expected(worker: $0, bots: []) }
        )
    }

    private func reply(_ worker: WorkerIdentity, _ outcome: ControlReply.Outcome = .applied) -> ControlReply {
        ControlReply(messageID: "m", worker: worker, outcome: outcome, generation: 7)
    }

    @Test func everyoneAnswers() {
        var tally = tally()
        #expect(!tally.isComplete)
        tally.answered(reply(second, .refused("no")), after: .milliseconds(4))
        #expect(!tally.isComplete)
        tally.answered(reply(first), after: .microseconds(5500))
        #expect(tally.isComplete)
        let view = tally.view(after: .milliseconds(6)) { _ in false }
        #expect(view.generation == 7)
        #expect(view.milliseconds == 6)
        #expect(view.rows.map(\.worker) == [first, second])
        #expect(view.rows.map(\.result) == [.applied, .refused])
        #expect(view.rows.map(\.milliseconds) == [5.5, 4])
        #expect(view.rows[1].reason == "no")
    }

    @Test func aDeathEndsTheWaitAndStands() {
        var tally = tally()
        tally.answered(reply(first), after: .milliseconds(1))
        tally.died(second.incarnation)
        #expect(tally.isComplete)
        tally.answered(reply(second), after: .milliseconds(2))
        let view = tally.view(after: .milliseconds(2)) { _ in true }
        #expect(view.rows.map(\.result) == [.applied, .missing])
        #expect(view.rows[1].reason == "died")
        #expect(!view.everyoneApplied)
    }

    @Test func aDeathAfterTheAnswerChangesNothing() {
        var tally = tally()
        tally.answered(reply(second), after: .milliseconds(1))
        tally.died(second.incarnation)
        #expect(!tally.isComplete)
        #expect(tally.view(after: .milliseconds(2)) { _ in true }.count(.applied) == 1)
    }

    @Test func theSilentAreLateOrMissing() {
        let view = tally().view(after: .seconds(1)) { $0 == first.incarnation }
        #expect(view.rows.map(\.result) == [.late, .missing])
        #expect(view.rows.allSatisfy { $0.milliseconds == nil && $0.reason != nil })
    }

    @Test func strangersAndSecondAnswersCountForNothing() {
        var tally = tally()
        tally.answered(reply(WorkerIdentity(name: "a-1")), after: .zero)
        tally.answered(reply(first), after: .milliseconds(1))
        tally.answered(reply(first, .refused("again")), after: .milliseconds(2))
        #expect(!tally.isComplete)
        #expect(tally.view(after: .seconds(1)) { _ in true }.rows.map(\.result) == [.applied, .late])
    }

    @Test func nobodyExpectedIsCompleteAtOnce() {
        let tally = Tally(generation: 1, expected: [])
        #expect(tally.isComplete)
        #expect(tally.view(after: .zero) { _ in true }.rows.isEmpty)
    }
}
