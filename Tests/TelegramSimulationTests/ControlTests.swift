import Testing

@testable import TelegramSimulation

@Suite struct ControlTests {
    @Test func botsAreMadeManyAtOnce() throws {
        let harness = try Harness()
        let made = try harness.control(.post, "bots", #"[{"count":3},{"token":"9:abc","name":"Nine"}]"#)
        let bots = made.object["bots"] as? [[String: Any]] ?? []
        #expect(bots.count == 4)
        #expect(Set(bots.compactMap { $0.text("token") }).count == 4)
        #expect(bots.last?.integer("id") == 9)
        for bot in bots { #expect(harness.simulation.bot(token: bot.text("token") ?? "") != nil) }
        let listed = try harness.control(.get, "bots").object["bots"] as? [[String: Any]] ?? []
        #expect(listed.count == 5)
        #expect(listed.allSatisfy { $0["token"] == nil })
        #expect(try harness.control(.post, "bots", #"{"token":"9:other"}"#).status == 409)
        #expect(try harness.control(.post, "bots", #"{"token":"nonsense"}"#).status == 400)
        #expect(try harness.control(.post, "bots", #"{"count":0}"#).status == 400)
    }

    @Test func equalSeedsMakeEqualBots() throws {
        func make() -> Reply {
            Simulation(Simulation.Configuration(seed: 11)).control(
                ControlRequest(verb: .post, path: ["bots"], query: Parameters(), body: []),
                now: 0
            )
        }
        #expect(make() == make())
    }

    @Test func aBulkForManyBotsKeepsItsOrder() throws {
        let harness = try Harness()
        _ = try harness.control(.post, "bots", #"{"token":"9:abc","first_update_id":1}"#)
        let said = try harness.control(
            .post,
            "say",
            #"[{"bot":9,"chat":1,"text":"a"},{"bot":42,"chat":1,"text":"b"},{"bot":9,"chat":1,"text":"c"}]"#
        )
        #expect(said.updateIDs == [1, 500, 2])
        #expect(try harness.control(.post, "say", #"{"chat":1,"text":"x"}"#).status == 400)
        #expect(try harness.control(.post, "say", #"{"bot":1,"chat":1,"text":"x"}"#).status == 404)
    }

    @Test func aFullQueueTakesNothingOfABulk() throws {
        let harness = try Harness { $0.queueCapacity = 2 }
        try harness.say("a")
        let refused = try harness.control(.post, "bots/42/say", #"[{"chat":1,"text":"b"},{"chat":1,"text":"c"}]"#)
        #expect(refused.status == 507)
        #expect(try harness.reply("getUpdates").ids == [500])
        #expect(try harness.say("b").ok)
        #expect(try harness.say("c").status == 507)
    }

    @Test func anyObjectMayBeAnUpdate() throws {
        let harness = try Harness()
        let body =
            #"[{"update_id":3,"telepathy":{"x":[1,{"y":null}]},"n":1.5},{},{"message":{"message_id":77,"text":"q","chat":{"id":8,"type":"private"}}}]"#
        #expect(try harness.control(.post, "bots/42/updates", body).updateIDs == [500, 501, 502])
        let updates = try harness.reply("getUpdates").results
        #expect(updates.map { $0.integer("update_id") } == [500, 501, 502])
        #expect(updates[0].object("telepathy")["x"] != nil)
        // The chat is known from now on.
        #expect(try harness.reply("sendMessage", #"{"chat_id":8,"text":"x"}"#).ok)
        let entries = try harness.control(.get, "bots/42/log").entries
        #expect(entries.map { $0.text("kind") } == ["telepathy", "unknown", "message", nil])
        #expect(entries[2].text("text") == "q")
        #expect(try harness.control(.post, "bots/42/updates", "[1]").status == 400)
        #expect(try harness.control(.post, "bots/42/updates", "{").status == 400)
    }

    @Test func theLogTellsWhatAnAuditorNeeds() throws {
        let harness = try Harness()
        try harness.say("one")
        harness.advance(seconds: 0.5)
        _ = try harness.reply("getUpdates")
        harness.advance(seconds: 0.5)
        _ = try harness.reply("getUpdates", #"{"offset":501}"#)
        _ = try harness.reply("sendMessage", #"{"chat_id":5,"text":"re: one"}"#)
        let log = try harness.control(.get, "bots/42/log")
        let update = try #require(log.entries.first)
        let start = harness.now - 1_000_000
        #expect(update.integer("update_id") == 500)
        #expect(update.integer("injected_at_us") == start)
        #expect(update.integer("handed_out_at_us") == start + 500_000)
        #expect(update.integer("confirmed_at_us") == start + 1_000_000)
        let call = try #require(log.entries.last)
        #expect(call.text("method") == "sendMessage")
        #expect(call.integer("at_us") == harness.now)
        #expect(call.integer("chat") == 5)
        #expect(call.text("text") == "re: one")
        #expect(call.integer("message_id") == 2)
        #expect(log.object.integer("next") == 2)
        let rest = try harness.control(.get, "bots/42/log?after=1&limit=1")
        #expect(rest.entries.map { $0.integer("seq") } == [2])
        #expect(try harness.control(.get, "bots/42/log?after=2").entries.isEmpty)
    }

    @Test func aSmallLogSaysWhatItDropped() throws {
        let harness = try Harness { $0.logCapacity = 1 }
        for _ in 0..<10_000 { try harness.say("a") }
        let log = try harness.control(.get, "bots/42/log?limit=1")
        let dropped = try #require(log.object.integer("dropped"))
        #expect(dropped > 0)
        #expect(log.entries.first?.integer("seq") == dropped + 1)
        #expect(try harness.control(.get, "counts").total.integer("log_dropped") == dropped)
        #expect(try harness.reply("getUpdates").ids.count == 100)
    }

    @Test func aResetNeverRepeatsAnId() throws {
        let harness = try Harness()
        try harness.say("a")
        #expect(try harness.control(.post, "bots/42/reset").ok)
        #expect(try harness.reply("getUpdates").ids == [])
        #expect(try harness.say("b").updateIDs == [501])
        #expect(try harness.control(.post, "reset").ok)
        #expect(harness.simulation.bot(token: Harness.token) == nil)
        #expect(try harness.control(.get, "bots/42").status == 404)
    }

    @Test(arguments: [
        (ControlRequest.Verb.get, "nowhere"), (.delete, "counts"), (.get, "bots/42/say"), (.get, "bots/x"),
        (.post, "bots/43/say"),
    ])
    func anUnknownRouteIs404(verb: ControlRequest.Verb, path: String) throws {
        #expect(try Harness().control(verb, path).status == 404)
    }

    @Test(arguments: [
        #"{"text":"x"}"#, #"{"chat":-5,"text":"x"}"#, #"{"chat":5}"#, #"{"chat":5,"text":"x","chat_type":"cave"}"#, "[",
    ])
    func badSpeechIsRefused(body: String) throws {
        #expect(try Harness().control(.post, "bots/42/say", body).status == 400)
    }
}
