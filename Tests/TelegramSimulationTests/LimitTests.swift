import Testing

@testable import TelegramSimulation

@Suite struct LimitTests {
    private func harness() throws -> Harness {
        try Harness {
            $0.enforceLimits = true; $0.acceptUnknown = true
        }
    }

    private func send(_ harness: Harness, _ chat: Int64) throws -> Answer {
        try harness.reply("sendMessage", #"{"chat_id":\#(chat),"text":"x"}"#)
    }

    @Test func oneAChatEachSecondAfterABurst() throws {
        let harness = try harness()
        for _ in 0..<3 { #expect(try send(harness, 1).ok) }
        let refused = try send(harness, 1)
        #expect(refused.status == 429)
        #expect(refused.description == "Too Many Requests: retry after 1")
        #expect(refused.retryAfter == 1)
        #expect(try send(harness, 2).ok)
        harness.advance(seconds: 1)
        #expect(try send(harness, 1).ok)
        #expect(try send(harness, 1).status == 429)
        #expect(try harness.control(.get, "counts").total.integer("too_many_requests") == 2)
    }

    @Test func thirtyASecondOverAllChats() throws {
        let harness = try harness()
        for chat in 1...30 { #expect(try send(harness, Int64(chat)).ok) }
        #expect(try send(harness, 31).retryAfter == 1)
        harness.advance(seconds: 1)
        for chat in 1...30 { #expect(try send(harness, Int64(chat)).ok) }
    }

    @Test func twentyAMinuteInAGroup() throws {
        let harness = try harness()
        for _ in 0..<20 {
            #expect(try send(harness, -100).ok)
            harness.advance(seconds: 1)
        }
        #expect(try send(harness, -100).retryAfter == 40)
        harness.advance(seconds: 40)
        #expect(try send(harness, -100).ok)
    }

    @Test func whoWaitsAsLongAsToldIsServed() throws {
        let harness = try harness()
        for _ in 0..<200 {
            let answer = try send(harness, -100)
            if let seconds = answer.retryAfter {
                harness.advance(seconds: Double(seconds))
                #expect(try send(harness, -100).ok)
            }
            harness.advance(seconds: 0.3)
        }
    }

    @Test func offUnlessSwitchedOn() throws {
        let harness = try Harness()
        try harness.say("hi")
        for _ in 0..<100 { #expect(try send(harness, 5).ok) }
        #expect(try harness.control(.post, "bots/42/settings", #"{"enforce_limits":true}"#).ok)
        for _ in 0..<3 { #expect(try send(harness, 5).ok) }
        #expect(try send(harness, 5).status == 429)
    }
}
