import FleetModel
import Testing

@testable import FleetCtlKit

@Suite struct IntakeTextTests {
    private func bot(
        _ mode: IntakeMode, desired: BotSpec.DesiredState = .running, _ state: IntakeState?
    ) throws -> BotView {
        let spec = BotSpec(id: try #require(BotID("shop")), behaviour: "echo", desired: desired, intake: mode)
        return BotView(
            spec: spec, telegramID: nil, username: nil, backlog: 0, deadLetters: 0, workers: [], intake: state,
            createdAt: Timestamp(milliseconds: 0))
    }

    @Test func whatIsWrongIsSaid() throws {
        let state = IntakeState(
            gateway: "gate", condition: .conflict, detail: "somebody polls", since: Timestamp(milliseconds: 0))
        let view = try bot(.polling, state)
        #expect(FleetTables.intake(view) == "conflict")
        #expect(
            FleetTables.intakeAtLength(view)
                == "polling by gate, conflict since 1970-01-01T00:00:00.000Z: somebody polls")
        #expect(FleetTables.bot(view).contains("conflict since"))
    }

    @Test func nobodyIsSaidOfABotThatShouldRun() throws {
        #expect(FleetTables.intake(try bot(.polling, nil)) == "nobody")
        #expect(FleetTables.intakeAtLength(try bot(.webhook, nil)) == "webhook, about to be taken in")
        #expect(FleetTables.intake(try bot(.polling, desired: .stopped, nil)) == "–")
        #expect(FleetTables.intakeAtLength(try bot(.webhook, desired: .stopped, nil)) == "webhook, stopped")
    }
}
