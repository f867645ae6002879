import FleetModel
import FleetTesting
import Store
import Testing

/// How a bot's updates come in: told by its gateway, changed by an operator.
@Suite(.timeLimit(.minutes(2))) struct BotIntakeTests {
    @Test func whoTakesABotInAndWhatIsWrong() async throws {
        try await CoordinatorHarness.with { harness in
            try await harness.run(harness.configuration()) { api in
                for bot in ["a", "b"] { #expect(try await api.addBot(bot).status == 201) }
                let a = try #require(BotID("a"))
                _ = try await harness.database.acquirePollerLease(a, holder: "gate/01", ttl: .seconds(60))
                _ = try await harness.database.renewPollerLeases(
                    [a], holder: "gate/01", ttl: .seconds(60), reports: [a: IntakeReport(.refused, "401")])
                let views = try await api.get("/v1/bots", [BotView].self)
                #expect(views.map(\.intake?.gateway) == ["gate", nil])
                #expect(views[0].intake?.condition == .refused && views[0].intake?.detail == "401")
                #expect(try await api.get("/v1/bots/a", BotView.self).intake == views[0].intake)
            }
        }
    }

    @Test func anOperatorChangesIt() async throws {
        try await CoordinatorHarness.with { harness in
            try await harness.run(harness.configuration()) { api in
                #expect(try await api.addBot("a").decoded(BotView.self).spec.intake == .polling)
                let view = try await api.patch("/v1/bots/a", BotChange(intake: .webhook)).decoded(BotView.self)
                #expect(view.spec.intake == .webhook && view.spec.lanes == 1)
                #expect(try await api.patch("/v1/bots/a", ["intake": "pigeons"]).status == 400)
                #expect(try await api.get("/v1/bots/a", BotView.self).spec.intake == .webhook)
                let trail = try await harness.database.auditTrail()
                #expect(trail.first?.action == "bot.set" && trail.first?.detail == #"{"intake": "webhook"}"#)
            }
        }
    }
}
