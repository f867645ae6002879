import Testing

@testable import TelegramSimulation

@Suite struct WebhookTests {
    private func harness(connections: Int) throws -> Harness {
        let harness = try Harness()
        let body = #"{"url":"http://127.0.0.1:1/hook","secret_token":"s-3","max_connections":\#(connections)}"#
        #expect(try harness.reply("setWebhook", body).ok)
        for text in ["a", "b", "c"] { try harness.say(text) }
        return harness
    }

    @Test func withOneConnectionTheNextWaitsForTheLast() throws {
        let harness = try harness(connections: 1)
        let first = harness.bot.startDeliveries(now: harness.now)
        #expect(first.map(\.update) == [500])
        #expect(first.first?.secret == "s-3")
        #expect(harness.bot.startDeliveries(now: harness.now).isEmpty)
        let pause = try #require(harness.bot.delivered(first[0], failure: "500", now: harness.now))
        #expect(pause == Webhook.firstPause)
        // Neither the failed one before its time nor one behind it.
        #expect(harness.bot.startDeliveries(now: harness.now + pause - 1).isEmpty)
        harness.now += pause
        let again = harness.bot.startDeliveries(now: harness.now)
        #expect(again.map(\.update) == [500])
        #expect(harness.bot.delivered(again[0], failure: nil, now: harness.now) == nil)
        #expect(harness.bot.startDeliveries(now: harness.now).map(\.update) == [501])
        #expect(try harness.reply("getWebhookInfo").result.integer("pending_update_count") == 2)
        #expect(try harness.reply("getWebhookInfo").result.text("last_error_message") == "500")
    }

    @Test func severalConnectionsDeliverSideBySide() throws {
        let harness = try harness(connections: 2)
        let two = harness.bot.startDeliveries(now: harness.now)
        #expect(two.map(\.update) == [500, 501])
        #expect(harness.bot.delivered(two[1], failure: nil, now: harness.now) == nil)
        #expect(harness.bot.startDeliveries(now: harness.now).map(\.update) == [502])
        #expect(harness.bot.delivered(two[0], failure: "x", now: harness.now) != nil)
        harness.advance(seconds: 1)
        #expect(harness.bot.startDeliveries(now: harness.now).map(\.update) == [500])
        let counts = try harness.control(.get, "counts").total
        #expect(counts.integer("confirmed") == 1)
        #expect(counts.integer("webhook_failures") == 1)
        #expect(counts.integer("handed_out") == 3)
        #expect(counts.integer("handed_out_again") == 1)
    }

    @Test func pausesGrowToABound() throws {
        let harness = try harness(connections: 1)
        var pauses: [Int64] = []
        for _ in 0..<40 {
            let delivery = try #require(harness.bot.startDeliveries(now: harness.now).first)
            let pause = try #require(harness.bot.delivered(delivery, failure: "x", now: harness.now))
            pauses.append(pause)
            harness.now += pause
        }
        #expect(Array(pauses.prefix(3)) == [100_000, 200_000, 400_000])
        #expect(pauses.last == Webhook.longestPause)
    }

    @Test func anAnswerToAnEarlierWebhookCountsForNothing() throws {
        let harness = try harness(connections: 1)
        let delivery = try #require(harness.bot.startDeliveries(now: harness.now).first)
        #expect(try harness.reply("setWebhook", #"{"url":"http://127.0.0.1:1/other"}"#).ok)
        #expect(harness.bot.delivered(delivery, failure: nil, now: harness.now) == nil)
        #expect(try harness.reply("getWebhookInfo").result.integer("pending_update_count") == 3)
        #expect(try harness.reply("deleteWebhook", #"{"drop_pending_updates":true}"#).ok)
        #expect(try harness.reply("getUpdates").ids.isEmpty)
    }

    @Test(arguments: [
        (#"{"url":"ftp://x"}"#, "Bad Request: bad webhook: An HTTPS URL must be provided for webhook"),
        (#"{"url":"http://x","secret_token":"a b"}"#, "Bad Request: secret token contains unallowed characters"),
    ])
    func isRefused(body: String, description: String) throws {
        #expect(try Harness().reply("setWebhook", body).description == description)
    }
}
