import Testing

@testable import TelegramSimulation

@Suite struct PollingTests {
    @Test func anUpdateStaysUntilItsOffsetIsPassed() throws {
        let harness = try Harness()
        try harness.say("a")
        try harness.say("b")
        #expect(try harness.reply("getUpdates").ids == [500, 501])
        #expect(try harness.reply("getUpdates", #"{"offset":501}"#).ids == [501])
        #expect(try harness.reply("getUpdates", #"{"offset":0}"#).ids == [501])
        #expect(try harness.reply("getUpdates", #"{"offset":502}"#).ids == [])
        try harness.say("c")
        #expect(try harness.reply("getUpdates", #"{"offset":502}"#).ids == [502])
    }

    @Test func aNegativeOffsetForgetsTheOlderOnes() throws {
        let harness = try Harness()
        for text in ["a", "b", "c"] { try harness.say(text) }
        #expect(try harness.reply("getUpdates", #"{"offset":-1}"#).ids == [502])
        #expect(try harness.reply("getUpdates").ids == [502])
    }

    @Test func theLimitIsOneToAHundred() throws {
        let harness = try Harness()
        for _ in 0..<120 { try harness.say("a") }
        #expect(try harness.reply("getUpdates", #"{"limit":3}"#).ids == [500, 501, 502])
        #expect(try harness.reply("getUpdates").ids.count == 100)
        #expect(try harness.reply("getUpdates", #"{"limit":1000}"#).ids.count == 100)
    }

    @Test func aPollWaitsForTheNextUpdate() throws {
        let harness = try Harness()
        let sink = RecordingSink()
        guard case .waiting(_, let seconds) = try harness.call("getUpdates", #"{"timeout":90}"#, sink: sink) else {
            Issue.record("it must wait")
            return
        }
        #expect(seconds == 50)
        #expect(sink.all.isEmpty)
        try harness.say("a")
        try harness.say("b")
        #expect(try sink.all.map { try Answer($0).ids } == [[500]])
        // The second did not go to the poll, which had ended, and is still there.
        #expect(try harness.reply("getUpdates", #"{"offset":501}"#).ids == [501])
    }

    @Test func aBulkWakesAPollOnce() throws {
        let harness = try Harness()
        let sink = RecordingSink()
        _ = try harness.call("getUpdates", #"{"timeout":9}"#, sink: sink)
        _ = try harness.control(
            .post,
            "bots/42/say",
            #"[{"chat":1,"text":"a"},{"chat":2,"text":"b"},{"chat":1,"text":"c"}]"#
        )
        #expect(try sink.all.map { try Answer($0).ids } == [[500, 501, 502]])
    }

    @Test func aTimeoutEndsAPollWithNothing() throws {
        let harness = try Harness()
        let sink = RecordingSink()
        guard case .waiting(let poll, _) = try harness.call("getUpdates", #"{"timeout":9}"#, sink: sink) else {
            Issue.record("it must wait")
            return
        }
        harness.bot.expirePoll(poll, now: harness.now)
        harness.bot.expirePoll(poll, now: harness.now)
        #expect(try sink.all.map { try Answer($0).ids } == [[]])
    }

    @Test func theSecondPollerEndsTheFirst() throws {
        let harness = try Harness()
        let first = RecordingSink()
        let second = RecordingSink()
        _ = try harness.call("getUpdates", #"{"timeout":9}"#, sink: first)
        _ = try harness.call("getUpdates", #"{"timeout":9}"#, sink: second)
        let answer = try Answer(#require(first.all.first))
        #expect(answer.status == 409)
        #expect(
            answer.description
                == "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
        )
        try harness.say("a")
        #expect(first.all.count == 1)
        #expect(try second.all.map { try Answer($0).ids } == [[500]])
    }

    @Test func anAbandonedPollTakesNothing() throws {
        let harness = try Harness()
        let sink = RecordingSink()
        guard case .waiting(let poll, _) = try harness.call("getUpdates", #"{"timeout":9}"#, sink: sink) else {
            Issue.record("it must wait")
            return
        }
        harness.bot.abandonPoll(poll)
        try harness.say("a")
        #expect(sink.all.isEmpty)
        #expect(try harness.reply("getUpdates").ids == [500])
        let entry = try #require(harness.control(.get, "bots/42/log").entries.first)
        #expect(entry.integer("handed_out") == 1)
    }

    @Test func withAWebhookThereIsNoPolling() throws {
        let harness = try Harness()
        let sink = RecordingSink()
        _ = try harness.call("getUpdates", #"{"timeout":9}"#, sink: sink)
        #expect(try harness.reply("setWebhook", #"{"url":"http://127.0.0.1:1/hook"}"#).ok)
        #expect(try Answer(#require(sink.all.first)).description == "Conflict: terminated by setWebhook request")
        let refused = try harness.reply("getUpdates")
        #expect(refused.status == 409)
        #expect(refused.description.contains("can't use getUpdates method while webhook is active"))
        #expect(try harness.reply("deleteWebhook").ok)
        #expect(try harness.reply("getUpdates").ok)
    }

    @Test func onlyAllowedKindsAreMade() throws {
        let harness = try Harness()
        _ = try harness.reply("getUpdates", #"{"allowed_updates":["callback_query"]}"#)
        #expect(try harness.say("a").updateIDs == [nil])
        // Not given: as before. An empty list: the default set.
        _ = try harness.reply("getUpdates")
        #expect(try harness.say("b").updateIDs == [nil])
        _ = try harness.reply("getUpdates", #"{"allowed_updates":"[]"}"#)
        #expect(try harness.say("c").updateIDs == [502])
        #expect(try harness.control(.post, "bots/42/updates", #"{"chat_member":{}}"#).updateIDs == [nil])
        #expect(try harness.control(.get, "counts").total.integer("filtered") == 3)
        #expect(try harness.reply("getUpdates", #"{"allowed_updates":7}"#).status == 400)
    }

    @Test func aDayLaterAnUpdateIsGone() throws {
        let harness = try Harness()
        try harness.say("a")
        harness.advance(seconds: 86_401)
        #expect(try harness.reply("getUpdates").ids == [])
        #expect(try harness.control(.get, "counts").total.integer("discarded") == 1)
    }
}
