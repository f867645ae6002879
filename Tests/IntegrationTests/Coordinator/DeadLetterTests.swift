import Broker
import FleetControl
import FleetModel
import FleetTesting
import Store
import Testing

@Suite(.timeLimit(.minutes(2))) struct DeadLetterTests {
    /// A coordinator with the bots `a` and `b`, and a channel to look into their queues.
    private func withFleet(
        _ body: @Sendable (CoordinatorHarness, APIClient, BrokerChannel) async throws -> Void
    ) async throws {
        try await CoordinatorHarness.with { harness in
            try await harness.run(harness.configuration()) { api in
                for bot in ["a", "b"] { #expect(try await api.addBot(bot).status == 201) }
                let connection = try await harness.broker.connect()
                try await body(harness, api, try await connection.openChannel())
                await connection.close()
            }
        }
    }

    private func declare(_ bot: String, _ channel: BrokerChannel) async throws {
        try await channel.declareIntake(
            of: BotSpec(id: try #require(BotID(bot)), behaviour: "echo", queue: .classic))
    }

    /// Letters of the bots named, in that order, with the bodies `1`, `2`, ….
    private func addLetters(_ harness: CoordinatorHarness, _ bots: [String]) async throws {
        for (index, bot) in bots.enumerated() {
            _ = try await harness.database.query(
                Statement(
                    "",
                    """
                    INSERT INTO dead_letter (bot_id, update_id, body, reason, attempts)
                    VALUES ($1, $2, convert_to($2::text, 'UTF8'), 'it failed', 3)
                    """
                ) {
                    $0.add(bot)
                    $0.add(Int64(index + 1))
                })
        }
    }

    private func replay(_ request: ReplayRequest, _ api: APIClient) async throws -> ReplayView {
        let answer = try await api.post("/v1/replays", request)
        try #require(answer.status == 202, "\(String(decoding: answer.body, as: UTF8.self))")
        let started = try answer.decoded(ReplayView.self)
        return try await ended(started.number, api)
    }

    private func ended(_ number: Int, _ api: APIClient) async throws -> ReplayView {
        while true {
            let view = try await api.get("/v1/replays/\(number)", ReplayView.self)
            if view.state != .running { return view }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    private func bodies(_ bot: String, _ channel: BrokerChannel) async throws -> [String] {
        var bodies: [String] = []
        while let delivery = try await channel.get("bot.\(bot)") {
            try await channel.ack(AckSet(also: [delivery.tag]))
            bodies.append(String(decoding: delivery.body, as: UTF8.self))
        }
        return bodies
    }

    @Test func oneIsShownAndPutBackAsItWas() async throws {
        try await withFleet { harness, api, channel in
            try await addLetters(harness, ["a"])
            let letters = try await api.get("/v1/dead-letters?bot=a", [DeadLetterView].self)
            let number = try #require(letters.first?.number)
            #expect(letters.first?.body == nil && letters.first?.size == 1)
            let letter = try await api.get("/v1/dead-letters/\(number)", DeadLetterView.self)
            #expect(letter.body == "1" && letter.updateID == 1 && letter.attempts == 3)
            try await declare("a", channel)
            let view = try await replay(ReplayRequest(filter: DeadLetterFilter(numbers: [number])), api)
            #expect(view.state == .done && view.total == 1 && view.replayed == 1 && view.failed == 0)
            let delivery = try #require(try await channel.get("bot.a"))
            #expect(delivery.body == Array("1".utf8))
            #expect(delivery.headers["x-fleet-replay"] == .int(number))
            #expect(delivery.contentType == "application/json")
            try await channel.ack(AckSet(also: [delivery.tag]))
            // Once more only if that is what is asked for.
            #expect(try await replay(ReplayRequest(filter: DeadLetterFilter(numbers: [number])), api).total == 0)
            var again = DeadLetterFilter(numbers: [number])
            again.replayed = true
            #expect(try await replay(ReplayRequest(filter: again), api).replayed == 1)
            #expect(try await bodies("a", channel) == ["1"])
            let trail = try await harness.database.auditTrail().map { "\($0.action) \($0.target) \($0.actor)" }
            #expect(trail.first == "dead_letter.replay numbers=\(number) replayed=true operator")
        }
    }

    @Test func manyGoInTheirOrderAndABotWithoutAQueueHoldsNobodyUp() async throws {
        try await withFleet { harness, api, channel in
            try await addLetters(harness, ["a", "b", "a", "b", "a"])
            try await declare("a", channel)
            let request = ReplayRequest(filter: DeadLetterFilter(), all: true, rate: 1000)
            let first = try await replay(request, api)
            #expect(first.state == .done && first.total == 5 && first.replayed == 3 && first.failed == 2)
            #expect(first.failures.allSatisfy { $0.reason.contains("'b' has no queue") })
            #expect(try await bodies("a", channel) == ["1", "3", "5"])
            // What could not be put back goes with the next.
            try await declare("b", channel)
            let second = try await replay(request, api)
            #expect(second.replayed == 2 && second.failed == 0)
            #expect(try await bodies("b", channel) == ["2", "4"])
            #expect(try await bodies("a", channel).isEmpty)
        }
    }

    @Test func aReplayIsOneAtATimeAndCanBeEndedAndGoneOnWith() async throws {
        try await withFleet { harness, api, channel in
            try await addLetters(harness, [String](repeating: "a", count: 20))
            try await declare("a", channel)
            let slow = ReplayRequest(filter: DeadLetterFilter(bot: BotID("a")), rate: 1)
            let started = try await api.post("/v1/replays", slow).decoded(ReplayView.self)
            let second = try await api.post("/v1/replays", slow)
            #expect(second.status == 409)
            #expect(try second.decoded(APIError.self).message.contains("dlq stop \(started.number)"))
            while try await api.get("/v1/replays/\(started.number)", ReplayView.self).replayed == 0 {
                try await Task.sleep(for: .milliseconds(5))
            }
            let stopped = try await api.delete("/v1/replays/\(started.number)").decoded(ReplayView.self)
            #expect(stopped.state == .stopped && stopped.replayed < 20)
            let rest = try await replay(ReplayRequest(filter: slow.filter, rate: 1000), api)
            #expect(rest.state == .done && rest.total == 20 - stopped.replayed)
            #expect(try await bodies("a", channel) == (1...20).map { "\($0)" })
            let views = try await api.get("/v1/replays", [ReplayView].self)
            #expect(views.map(\.number) == [rest.number, stopped.number])
        }
    }

    @Test func whatMeansNothingOrAllByMistakeIsRefused() async throws {
        try await withFleet { harness, api, _ in
            try await addLetters(harness, ["a"])
            for (filter, status) in [
                (DeadLetterFilter(), 400), (DeadLetterFilter(bot: BotID("nobody")), 404),
                (DeadLetterFilter(numbers: [99]), 404),
            ] {
                #expect(try await api.post("/v1/replays", ReplayRequest(filter: filter)).status == status)
                #expect(try await api.post("/v1/dead-letters/purge", PurgeRequest(filter: filter)).status == status)
            }
            let fast = ReplayRequest(filter: DeadLetterFilter(bot: BotID("a")), rate: 1001)
            #expect(try await api.post("/v1/replays", fast).status == 400)
            #expect(try await api.get("/v1/replays/1").status == 404)
            #expect(try await harness.database.deadLetters().count == 1)
        }
    }

    @Test func aPurgeSaysHowManyAndIsAudited() async throws {
        try await withFleet { harness, api, _ in
            try await addLetters(harness, ["a", "b", "a"])
            let count = try await api.get("/v1/dead-letters/count?bot=a", DeadLetterCount.self)
            #expect(count.total == 2 && count.unreplayed == 2)
            let request = PurgeRequest(filter: DeadLetterFilter(bot: BotID("a")))
            #expect(try await api.post("/v1/dead-letters/purge", request).decoded(PurgeView.self).purged == 2)
            #expect(try await api.get("/v1/dead-letters", [DeadLetterView].self).map(\.bot.rawValue) == ["b"])
            let trail = try #require(try await harness.database.auditTrail().first)
            #expect(trail.action == "dead_letter.purge" && trail.target == "bot=a")
            #expect(trail.detail?.contains("2") == true)
            let all = PurgeRequest(filter: DeadLetterFilter(), all: true)
            #expect(try await api.post("/v1/dead-letters/purge", all).decoded(PurgeView.self).purged == 1)
        }
    }

    /// What the broker dead-letters by itself is rejected here, as it would be at the limit of deliveries.
    @Test func whatTheBrokerGaveUpIsADeadLetterToo() async throws {
        try await withFleet { harness, api, channel in
            try await declare("a", channel)
            let publisher = try await Publisher.open(on: channel.connection)
            for body in [#"{"update_id":7,"message":{}}"#, "unreadable"] {
                #expect(
                    try await publisher.publish(Publication(routingKey: "bot.a", body: Array(body.utf8))) == .confirmed)
                let delivery = try #require(try await channel.get("bot.a"))
                try await channel.reject(delivery.tag)
            }
            // The broker moves them in its own time.
            var collected = 0
            while collected < 2 {
                let view = try await api.post("/v1/dead-letters/collect").decoded(CollectView.self)
                #expect(view.problem == nil)
                collected += view.collected
                try await Task.sleep(for: .milliseconds(5))
            }
            let letters = try await api.get("/v1/dead-letters?kind=broker", [DeadLetterView].self)
            #expect(letters.map(\.updateID) == [nil, 7])
            #expect(letters.allSatisfy { $0.reason == "RabbitMQ gave it up: rejected" })
            let left = try await channel.queueStatus("bot.a.dead").messages
            #expect(left == 0)
            let view = try await replay(ReplayRequest(filter: DeadLetterFilter(bot: BotID("a"))), api)
            #expect(view.replayed == 2)
        }
    }
}
